#pragma once

#include "proto/error.hpp"
#include "proto/time.hpp"
#include "server/rules/cron_fields.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace date {
class time_zone;
}

/// When a cron expression fires (Open Job Spec, ojs-cron.md).
namespace sluice::rules {

/// A cron expression in a time zone.
///
/// The clocks of a zone jump, so a schedule is one of two kinds.
/// * At given hours ("30 2 * * *") people mean a local time. One that the clocks leap over is not
///   made up for but told as missing; one that happens twice fires once, at the first.
/// * At every hour (the field covers all 24: "*", "0-23", "*/1") people mean a regular beat. It
///   fires whenever the local clock shows a time the fields name, in a repeated hour as well, and
///   nothing is ever missing. Otherwise "*/5 * * * *" would rest for an hour each autumn.
///
/// Vixie cron makes the same distinction.
///
/// The zone database is the machine's. It is read once: a new version takes a new start of the
/// process. It lists transitions up to 2037; later times keep the offset of the last of them.
class cron_schedule {
public:
    /// Reads an expression, as `parse_cron_expression` has it.
    ///
    /// `zone` is "UTC" or the name of an IANA zone, spelled as there. Offsets ("+05:00",
    /// "Etc/GMT+5"), POSIX strings and abbreviations (EST, CET) are refused: they know no rules, or
    /// not those of a place. Only names the database lists are ever looked up; no path is built
    /// from `zone`.
    ///
    /// Errors: errc::invalid_request, with the fault and what is allowed in the message and
    /// `"field":"expression"` or `"field":"timezone"` in the details; also for an expression that
    /// names no day of any year. errc::internal if the zone database cannot be read.
    /// Throws nothing.
    static result<cron_schedule> parse(std::string_view expression, std::string_view zone);

    struct occurrence {
        timestamp at;
        bool runs = true;  ///< a job is due at `at`
        /// The clocks leapt forward at `at`, over one or more local times of this schedule. With
        /// `runs`, the first local time after the leap is one of the schedule's too.
        bool missing = false;
    };

    /// The first occurrence strictly after `after`, so that each step from one to the next is
    /// forward; those that only tell of missing times are among them. An `@every` schedule is
    /// anchored at `after` itself. Empty at the end of the year 9999.
    std::optional<occurrence> next(timestamp after) const;

    /// The first time strictly after `after` at which a job is due.
    std::optional<timestamp> next_run(timestamp after) const;

private:
    struct period;

    cron_schedule() = default;
    period period_at(std::chrono::sys_seconds at) const;
    std::chrono::local_seconds reached_before(const period& current) const;
    std::optional<occurrence> next_within(const period& current,
                                          std::chrono::sys_seconds start) const;

    cron_fields fields_;
    std::chrono::seconds every_{0};          ///< not 0: an `@every` schedule; fields_ is unused
    const date::time_zone* zone_ = nullptr;  ///< null for UTC; of the database, never freed
};

}  // namespace sluice::rules
