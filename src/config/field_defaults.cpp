// Defaults are declared in the notation of the configuration; here they become values of it.
#include "base/assert.h"
#include "base/time.h"
#include "config/fields.h"
#include "config/size.h"

namespace bascule::config {
namespace {

Json normalised(const Field& field, const Json& value) {
  switch (field.type) {
    case FieldType::duration: {
      const auto duration = parse_duration(value.get<std::string>());
      BASCULE_ASSERT(duration.has_value(), "the default of a field is a duration");
      return duration->count();
    }
    case FieldType::size: {
      const auto size = parse_size(value.get<std::string>());
      BASCULE_ASSERT(size.has_value(), "the default of a field is a size");
      return *size;
    }
    case FieldType::list: {
      Json list = Json::array();
      for (const Json& item : value) list.push_back(normalised(field.items.front(), item));
      return list;
    }
    case FieldType::map: {
      Json map = Json::object();
      for (const auto& [key, item] : value.items()) {
        map[key] = normalised(field.items.front(), item);
      }
      return map;
    }
    case FieldType::object: {
      Json object = Json::object();
      for (const Field& inner : field.fields) {
        if (value.contains(inner.name)) {
          object[inner.name] = normalised(inner, value[inner.name]);
        } else if (auto otherwise = default_of(inner)) {
          object[inner.name] = *std::move(otherwise);
        }
      }
      return object;
    }
    case FieldType::text:
    case FieldType::integer:
    case FieldType::boolean:
    case FieldType::word:
    case FieldType::check:
      return value;
  }
  return value;
}

}  // namespace

std::optional<Json> default_of(const Field& field) {
  if (field.default_value.is_null()) return std::nullopt;
  return normalised(field, field.default_value);
}

}  // namespace bascule::config
