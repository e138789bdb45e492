#include "server/queue/engine.hpp"

#include <stdexcept>

/// What operators set: it holds from then on, also after a restart.
namespace sluice {

/// Throws std::invalid_argument when its value is nothing that was ever written.
void engine::restore_setting(const setting_record& setting) {
    if (setting.kind == setting_kind::queue) {
        const auto config = decode_queue_config(setting.value);
        if (!config) throw std::invalid_argument("a queue's settings: " + config.error().message);
        put_config(queue_named(setting.name), *config, start_);
    } else if (setting.kind == setting_kind::limit) {
        const auto given = decode_limit_override(setting.value, start_.wall);
        if (!given)
            throw std::invalid_argument("a rate limit's override: " + given.error().message);
        limits_.get(setting.name).given = *given;
    } else if (setting.kind == setting_kind::pool) {
        auto pool = decode_fair_pool(setting.value, setting.name);
        if (!pool) throw std::invalid_argument("a pool: " + pool.error().message);
        pools_.insert_or_assign(setting.name, pool_state(*std::move(pool)));
    } else if (setting.kind == setting_kind::webhook) {
        try {
            webhooks_.insert_or_assign(setting.name,
                                       decode_stored_webhook(setting.name, setting.value));
        } catch (const std::runtime_error& e) {
            throw std::invalid_argument("a subscription: " + std::string(e.what()));
        }
    } else if (setting.kind == setting_kind::redrive) {
        try {
            restore_redrive(decode_stored_redrive(setting.name, setting.value));
        } catch (const std::runtime_error& e) {
            throw std::invalid_argument("a redrive: " + std::string(e.what()));
        }
    }
}

void engine::set(setting_kind kind, std::string_view name, std::string value) {
    settings_.insert_or_assign({kind, std::string(name)}, std::move(value));
    sync_ = true;
}

void engine::put_config(queue_state& queue, const queue_config& config, instant now) {
    const bool before = queue.bounded();
    queue.config =
        config == queue_config{} ? nullptr : std::make_shared<const queue_config>(config);
    bounded_queues_ += static_cast<std::size_t>(queue.bounded());
    bounded_queues_ -= static_cast<std::size_t>(before);
    queue.told_full = false;
    queues_.update_turn(queue);
    offers_.push_back(&queue);
    wake_redrives(*queue.name, redrive_wait::queue_full);
    put_objective(queue, now);
}

queue_stats engine::configure_queue(std::string_view name, const queue_config& config,
                                    instant now) {
    auto& queue = queue_named(name);
    put_config(queue, config, now);
    if (queue.pressed && !(queue.bounded() && queue.config->bound.presses(queue.depth()))) {
        queue.pressed = false;
        emit_pressure(queue, "backpressure.cleared", {}, stamp(now));
    }
    set(setting_kind::queue, name, queue.config ? encode_queue_config(config) : std::string());
    roomy_.insert(*queue.name);  // those who wait find out what holds now
    dispatch(now);
    auto stats = stats_of(queue);
    unused_queues_.insert(*queue.name);
    forget_unused();
    return stats;
}

queue_config engine::config_of(std::string_view name) const {
    const auto* queue = queues_.find(name);
    return queue && queue->config ? *queue->config : queue_config{};
}

limit_info engine::override_limit(std::string_view key, std::optional<limit_override> given,
                                  instant now) {
    auto& limit = limits_.get(key);
    limit.given = std::move(given);
    set(setting_kind::limit, key,
        limit.given ? encode_limit_override(*limit.given) : std::string());
    reopen_lanes(limit);
    open_all_blocked(limit);
    dispatch(now);
    auto info = info_of(limit, now);
    limits_.settle(limit);
    return info;
}

}  // namespace sluice
