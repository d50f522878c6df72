#include "config/document.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <utility>

namespace bascule::config {
namespace {

// Ends the parse from inside the library; what is wrong has been reported.
struct Refused {};

// What is open while events arrive: a collection that is not complete, with the key that waits for
// its value.
struct Frame {
  TreeNode node;
  std::optional<Entry> waiting;
  std::map<std::string, Span, std::less<>> keys;
  bool repeated = false;  // the waiting key was there before: its value is read and dropped
};

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems), text_(problems.source().text()) {}

  // The tree; duplicate keys are reported now that the YAML is known to be right.
  [[nodiscard]] std::optional<TreeNode> take() {
    for (const auto& [entry, first] : duplicates_) {
      if (problems_.full()) break;
      problems_.error("duplicate_key", entry.key_span,
                      fmt::format("key {} is written twice", quote(entry.key)),
                      problems_.the_first_one_is_at(first));
    }
    return std::move(root_);
  }
  // Where the newest text in quotes began that spans several lines.
  [[nodiscard]] std::optional<std::size_t> long_quote() const { return long_quote_; }
  [[nodiscard]] std::optional<Span> innermost_open() const {
    for (auto frame = open_.rbegin(); frame != open_.rend(); ++frame) {
      const char first = at(frame->node.span.offset);
      if (first == '{' || first == '[') return frame->node.span;
    }
    return std::nullopt;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) return;
    const Span where{offset_of(mark), 1};
    if (std::string_view(text_).substr(where.offset).starts_with("---") || after_document_end()) {
      refuse("second_document", {where.offset, 3}, "a second document begins here",
             "one file holds one configuration");
    }
    refuse("yaml", where, "this does not belong to what stands above it",
           "check the indentation: entries of one mapping or list begin in the same column");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const std::size_t offset = offset_of(mark);
    TreeNode node;
    node.span = {offset, 1};
    if (!open_.empty()) {
      const Frame& frame = open_.back();
      node.span = frame.waiting ? frame.waiting->key_span : frame.node.span;
    }
    check_properties(offset, anchor, "");
    if (is_written_null(offset)) node.span = {offset, scalar_length(offset, NodeKind::plain, "")};
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    refuse_alias(offset_of(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const std::size_t offset = offset_of(mark);
    check_properties(offset, anchor, tag);
    TreeNode node;
    node.kind = kind_at(offset, tag);
    node.text = value;
    node.span = {offset, scalar_length(offset, node.kind, value)};
    if (node.kind == NodeKind::quoted && end_of_line(offset) < closing_quote(offset)) {
      long_quote_ = offset;
    }
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    start(NodeKind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    start(NodeKind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { end(); }

  [[noreturn]] void refuse_alias(std::size_t offset) {
    refuse("alias", {offset, word_length(offset)}, "aliases are not used in a configuration",
           "write the value out");
  }

 private:
  [[noreturn]] void refuse(std::string_view code, Span where, std::string message,
                           std::string hint) {
    problems_.error(code, where, std::move(message), std::move(hint));
    throw Refused{};
  }

  [[nodiscard]] char at(std::size_t offset) const {
    return offset < text_.size() ? text_[offset] : '\0';
  }

  [[nodiscard]] std::size_t offset_of(const YAML::Mark& mark) const {
    return mark.pos < 0 ? 0 : std::min(static_cast<std::size_t>(mark.pos), text_.size());
  }

  [[nodiscard]] std::size_t word_length(std::size_t offset) const {
    const std::size_t end = std::min(text_.find_first_of(" \t\n,]}", offset), text_.size());
    return std::max<std::size_t>(end - std::min(offset, end), 1);
  }

  [[nodiscard]] bool after_document_end() const { return text_.find("\n...") != std::string::npos; }

  void check_properties(std::size_t offset, YAML::anchor_t anchor, const std::string& tag) {
    if (anchor != 0) {
      refuse("anchor", {offset, word_length(offset)}, "anchors are not used in a configuration",
             "write the value out where it is needed");
    }
    const bool plain_tag = tag.empty() || tag == "?" || tag == "!";
    if (!plain_tag || at(offset) == '!') {
      refuse("tag", {offset, word_length(offset)}, "tags are not used in a configuration",
             "leave it out: the key says what its value is");
    }
  }

  [[nodiscard]] NodeKind kind_at(std::size_t offset, const std::string& tag) const {
    const char first = at(offset);
    if (tag != "!") return NodeKind::plain;
    return first == '|' || first == '>' ? NodeKind::block : NodeKind::quoted;
  }

  [[nodiscard]] bool is_written_null(std::size_t offset) const {
    const std::string_view rest = std::string_view(text_).substr(std::min(offset, text_.size()));
    constexpr std::array<std::string_view, 4> kWords{"~", "null", "Null", "NULL"};
    return std::ranges::any_of(kWords, [&](std::string_view word) {
      return rest.starts_with(word) && word_length(offset) == word.size();
    });
  }

  // Kept from call to call: there may be a hundred thousand scalars on one line.
  [[nodiscard]] std::size_t end_of_line(std::size_t offset) {
    if (offset < line_from_ || offset > line_end_) {
      line_from_ = offset;
      line_end_ = std::min(text_.find('\n', offset), text_.size());
    }
    return line_end_;
  }

  // The bytes of a scalar as it stands in its first line.
  [[nodiscard]] std::size_t scalar_length(std::size_t offset, NodeKind kind,
                                          const std::string& value) {
    const std::size_t line_end = end_of_line(offset);
    if (kind == NodeKind::quoted) {
      const std::size_t close = closing_quote(offset);
      return std::max<std::size_t>(std::min(close + 1, line_end) - offset, 1);
    }
    if (kind == NodeKind::plain) {
      if (value.empty()) return word_length(offset);
      if (text_.compare(offset, value.size(), value) == 0) return value.size();
    }
    return std::max<std::size_t>(line_end - offset, 1);
  }

  // yaml-cpp takes the end of the file for a closing quote.
  [[nodiscard]] std::size_t closing_quote(std::size_t offset) {
    const char quote_mark = at(offset);
    for (std::size_t i = offset + 1; i < text_.size(); ++i) {
      if (quote_mark == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote_mark) {
        if (quote_mark == '"' || at(i + 1) != '\'') return i;
        ++i;
      }
    }
    refuse("yaml", {offset, 1}, "this quote is not closed", "");
  }

  void start(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const std::size_t offset = offset_of(mark);
    check_properties(offset, anchor, tag);
    if (open_.size() == kNestingMax) {
      refuse("too_deep", {offset, 1}, fmt::format("nested deeper than {} levels", kNestingMax), "");
    }
    if (!open_.empty()) refuse_as_key(open_.back(), offset);
    Frame frame;
    frame.node.kind = kind;
    frame.node.span = {offset, 1};
    open_.push_back(std::move(frame));
  }

  void end() {
    TreeNode node = std::move(open_.back().node);
    open_.pop_back();
    const char first = at(node.span.offset);
    if (node.kind == NodeKind::mapping && first != '{' && !node.entries.empty()) {
      node.span = node.entries.front().key_span;
    }
    add(std::move(node));
  }

  void refuse_as_key(const Frame& frame, std::size_t offset) {
    if (frame.node.kind == NodeKind::mapping && !frame.waiting) {
      refuse("yaml", {offset, 1}, "a key is a text, not a collection", "");
    }
  }

  void add(TreeNode node) {
    if (open_.empty()) {
      if (!root_) root_ = std::move(node);
      return;
    }
    Frame& frame = open_.back();
    if (frame.node.kind == NodeKind::sequence) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.waiting) {
      add_key(frame, std::move(node));
    } else {
      frame.waiting->value = std::move(node);
      if (!frame.repeated) frame.node.entries.push_back(std::move(*frame.waiting));
      frame.waiting.reset();
    }
  }

  void add_key(Frame& frame, TreeNode node) {
    if (node.kind == NodeKind::null) {
      refuse("yaml", node.span, "a key is missing here", "");
    }
    if (node.text == "<<" && node.kind == NodeKind::plain) {
      refuse("merge_key", node.span, "merge keys are not used in a configuration",
             "write the entries out");
    }
    const auto [first, is_new] = frame.keys.emplace(node.text, node.span);
    frame.repeated = !is_new;
    if (!is_new) duplicates_.push_back({Entry{node.text, node.span, {}}, first->second});
    frame.waiting = Entry{node.text, node.span, TreeNode{}};
  }

  Problems& problems_;
  const std::string& text_;
  std::vector<Frame> open_;
  std::optional<TreeNode> root_;
  std::optional<std::size_t> long_quote_;
  std::vector<std::pair<Entry, Span>> duplicates_;
  std::size_t line_from_ = 1;
  std::size_t line_end_ = 0;
  int documents_ = 0;
};

struct Translation {
  std::string_view library;
  std::string_view message;
  std::string_view hint;
};
// What the library says, in words that help.
constexpr std::array<Translation, 12> kTranslations{{
    {"illegal map value", "`:` does not belong here",
     "a text that holds `: ` stands in quotes; otherwise check the indentation of the line above"},
    {"end of map not found", "this line does not fit the mapping above it",
     "check the indentation: keys of one mapping begin in the same column"},
    {"end of sequence not found", "this line does not fit the list above it",
     "check the indentation: the dashes of one list stand in the same column"},
    {"end of map flow not found", "this `{` is not closed, or a comma is missing after it", ""},
    {"end of sequence flow not found", "this `[` is not closed, or a comma is missing after it",
     ""},
    {"illegal flow end", "nothing is open that this could close", ""},
    {"illegal block entry", "`-` does not begin a list here",
     "check the indentation: the dashes of one list stand in the same column"},
    {"illegal map key", "a key cannot stand here", "check the indentation"},
    {"unknown token", "no value can begin with this character", "put the text in quotes"},
    {"illegal tab when looking for indentation", "tabs do not indent", "use spaces"},
    {"unknown escape character: ", "there is no such escape in double quotes",
     "write \\\\ for a backslash, or use single quotes"},
    {"illegal EOF in scalar", "the file ends inside this text", ""},
}};

void report(Problems& problems, const TreeBuilder& builder, const YAML::Exception& exception) {
  const std::string& text = problems.source().text();
  std::size_t offset = exception.mark.is_null() ? 0 : static_cast<std::size_t>(exception.mark.pos);
  offset = std::min(offset, text.size());
  // A mistake "after the end" is shown at the last line that holds something.
  while (offset > 0 && (offset == text.size() || text[offset] == '\n')) --offset;
  Span where{offset, 1};
  if (exception.msg.find(" flow not found") != std::string::npos) {
    where = builder.innermost_open().value_or(where);
  }
  std::string quote_hint;
  if (const auto quote_at = builder.long_quote()) {
    const Location location = problems.source().locate(*quote_at);
    quote_hint = fmt::format(
        "the text in quotes that begins at {}:{} goes on over several lines: "
        "is its quote closed?",
        location.line, location.column);
  }
  for (const Translation& translation : kTranslations) {
    if (exception.msg.starts_with(translation.library)) {
      problems.error("yaml", where, std::string(translation.message),
                     quote_hint.empty() ? std::string(translation.hint) : quote_hint);
      return;
    }
  }
  problems.error("yaml", where, fmt::format("not valid YAML: {}", exception.msg), quote_hint);
}

}  // namespace

const Entry* TreeNode::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &Entry::key);
  return found == entries.end() ? nullptr : &*found;
}

std::optional<TreeNode> parse_document(Problems& problems) {
  const std::size_t errors_before = problems.errors();
  TreeBuilder builder(problems);
  std::istringstream input(problems.source().text());
  try {
    YAML::Parser parser(input);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused&) {
    return std::nullopt;  // the refusal has been reported
  } catch (const YAML::Exception& exception) {
    const bool alias = exception.msg.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR);
    try {
      if (alias) builder.refuse_alias(static_cast<std::size_t>(exception.mark.pos));
    } catch (const Refused&) {
      return std::nullopt;  // the refusal has been reported
    }
    report(problems, builder, exception);
    return std::nullopt;
  } catch (const std::exception& exception) {
    problems.error("yaml", {0, 1}, fmt::format("not valid YAML: {}", exception.what()));
    return std::nullopt;
  }
  std::optional<TreeNode> root = builder.take();
  if (!root && problems.errors() == errors_before) {
    problems.error("empty", {0, 1}, "the file holds no configuration",
                   "it begins with `version: 1`");
  }
  return root;
}

std::string_view describe(NodeKind kind) {
  switch (kind) {
    case NodeKind::null:
      return "nothing";
    case NodeKind::plain:
    case NodeKind::quoted:
    case NodeKind::block:
      return "a text";
    case NodeKind::sequence:
      return "a list";
    case NodeKind::mapping:
      return "a mapping";
  }
  return "something else";
}

}  // namespace bascule::config
