#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

/// SQLite as C++: connections and statements that close themselves, and failures as exceptions.
/// Nothing here knows of jobs.
namespace sluice::sqlite {

/// A call to SQLite failed. `code` is the extended result code, `system_error` the errno of the
/// operating system's refusal, 0 if there was none.
class database_error : public std::runtime_error {
public:
    database_error(int code, int system_error, const std::string& what)
        : std::runtime_error(what), code_(code), system_error_(system_error) {}

    int code() const { return code_; }
    int primary_code() const { return code_ & 0xff; }
    int system_error() const { return system_error_; }

    /// A write found no room. It never says so of a sync.
    bool is_no_space() const;
    /// The bytes on disk are not what was written.
    bool is_damage() const;

private:
    int code_;
    int system_error_;
};

/// Why the latest call on this file failed; 0 if it is not known.
int last_errno(sqlite3_file* file);

[[noreturn]] void throw_database_error(sqlite3* db, int code, std::string_view doing);
/// What was read cannot have been written by us.
[[noreturn]] void throw_damaged(const std::string& what);

/// A prepared statement. Text and blobs are bound without a copy: they must live until `reset`.
class statement {
public:
    statement() = default;
    statement(sqlite3* db, std::string_view sql);

    void bind(int index, std::int64_t value);
    void bind(int index, std::string_view text);
    void bind(int index, std::span<const std::uint8_t> blob);
    void bind_null(int index);
    /// NULL for what is absent.
    void bind(int index, const std::optional<std::int64_t>& value);
    /// NULL for an empty text.
    void bind_unless_empty(int index, std::string_view text);

    /// True while there is a row. Throws database_error, after a reset.
    bool step();
    void reset() noexcept;
    /// Steps to the end and resets.
    void run();

    bool is_null(int column) const;
    std::int64_t integer(int column) const;
    std::optional<std::int64_t> optional_integer(int column) const;
    /// Valid until the next step or reset.
    std::string_view text(int column) const;
    std::span<const std::uint8_t> blob(int column) const;

private:
    struct finalizer {
        void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
    };
    void check_bind(int code);

    std::unique_ptr<sqlite3_stmt, finalizer> statement_;
};

/// Resets a statement at the end of a scope, so that a reader never holds an old snapshot.
class reset_at_exit {
public:
    explicit reset_at_exit(statement& s) : statement_(s) {}
    ~reset_at_exit() { statement_.reset(); }
    reset_at_exit(const reset_at_exit&) = delete;
    reset_at_exit& operator=(const reset_at_exit&) = delete;

private:
    statement& statement_;
};

/// One connection, to be used by one thread at a time.
class connection {
public:
    connection() = default;
    /// `flags` are those of sqlite3_open_v2; `vfs` may be null for the default one.
    connection(const std::string& path, int flags, const char* vfs);

    sqlite3* get() const { return db_.get(); }
    explicit operator bool() const { return db_ != nullptr; }
    void close() noexcept { db_.reset(); }

    void execute(const char* sql);
    std::int64_t query_integer(const char* sql);
    statement prepare(std::string_view sql) { return statement(db_.get(), sql); }
    std::int64_t changes() const { return sqlite3_changes64(db_.get()); }
    bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

private:
    struct closer {
        void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
    };
    std::unique_ptr<sqlite3, closer> db_;
};

/// A transaction that is rolled back unless it was committed.
class transaction {
public:
    /// `begin` is "BEGIN" to read, "BEGIN IMMEDIATE" to write.
    transaction(connection& db, const char* begin) : db_(db) { db_.execute(begin); }
    ~transaction();
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;

    void commit() { db_.execute("COMMIT"); }

private:
    connection& db_;
};

/// The path as a `file:` URI, for connections that need parameters.
std::string file_uri(std::string_view path, std::string_view parameters);

}  // namespace sluice::sqlite
