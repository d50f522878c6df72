// What every channel over HTTP declares and does alike: its kind, and that it is made with a client
// of its vendor's API.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/api_client.h"
#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule {

using MakeNotifier =
    std::function<Result<std::shared_ptr<Notifier>>(std::shared_ptr<net::ApiClient> api)>;

template <typename Made>
Result<std::shared_ptr<Notifier>> make_notifier(std::shared_ptr<net::ApiClient> api) {
  return std::make_shared<Made>(std::move(api));
}

// `fields` without those that all of them have. `resolver` outlives what is made.
inline NotifierKind vendor_kind(net::Resolver& resolver, std::string name, std::string summary,
                                std::vector<Field> fields, MakeNotifier make) {
  NotifierKind vendor;
  vendor.kind.name = std::move(name);
  vendor.kind.role = KindRole::notifier;
  vendor.kind.summary = std::move(summary);
  vendor.kind.fields = std::move(fields);
  vendor.kind.fields.push_back(net::authority_field());
  vendor.make = [&resolver, make = std::move(make)](
                    Json settings, Services& services) -> Result<std::shared_ptr<Notifier>> {
    auto api =
        net::ApiClient::make(settings, revealing(services.secrets), services.clock, resolver);
    if (!api) return error_of(api);
    return make(std::move(*api));
  };
  return vendor;
}

// A list of texts that may be missing.
inline Field text_list(std::string name, std::string item, std::string summary) {
  Field list{.name = std::move(name),
             .type = FieldType::list,
             .summary = std::move(summary),
             .default_value = Json::array()};
  list.items = {Field{.name = std::move(item)}};
  return list;
}

}  // namespace bascule
