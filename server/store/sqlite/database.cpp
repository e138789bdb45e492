#include "server/store/sqlite/database.hpp"

#include <cerrno>
#include <cstring>

namespace sluice::sqlite {

bool database_error::is_no_space() const {
    if (primary_code() == SQLITE_FULL) return true;
    return code_ == SQLITE_IOERR_WRITE && (system_error_ == EDQUOT || system_error_ == ENOSPC);
}

bool database_error::is_damage() const {
    return primary_code() == SQLITE_CORRUPT || primary_code() == SQLITE_NOTADB ||
           code_ == SQLITE_IOERR_DATA || code_ == SQLITE_IOERR_SHORT_READ;
}

int last_errno(sqlite3_file* file) {
    int error = 0;
    if (file && file->pMethods) {
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

namespace {

/// sqlite3_system_errno knows nothing of errors at COMMIT; the files do.
int errno_of(sqlite3* db) {
    for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
        sqlite3_file* file = nullptr;
        sqlite3_file_control(db, "main", which, &file);
        if (const int error = last_errno(file)) return error;
    }
    return sqlite3_system_errno(db);
}

}  // namespace

void throw_database_error(sqlite3* db, int code, std::string_view doing) {
    if (db && (sqlite3_extended_errcode(db) & 0xff) == (code & 0xff)) {
        code = sqlite3_extended_errcode(db);
    }
    std::string what(doing);
    what += ": ";
    what += db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    int system_error = 0;
    if (code == SQLITE_IOERR_DATA) {
        what += " (a page is damaged: its checksum is wrong)";
    } else if (db && (code & 0xff) == SQLITE_IOERR) {
        system_error = errno_of(db);
        what += " (" + std::to_string(code);
        if (system_error != 0) what += ", " + std::string(std::strerror(system_error));
        what += ")";
    }
    throw database_error(code, system_error, what);
}

void throw_damaged(const std::string& what) {
    throw database_error(SQLITE_CORRUPT, 0, what);
}

statement::statement(sqlite3* db, std::string_view sql) {
    sqlite3_stmt* prepared = nullptr;
    const int rc = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    if (rc != SQLITE_OK) throw_database_error(db, rc, "preparing a statement");
    statement_.reset(prepared);
}

void statement::check_bind(int code) {
    if (code != SQLITE_OK) {
        throw_database_error(sqlite3_db_handle(statement_.get()), code, "binding a value");
    }
}

void statement::bind(int index, std::int64_t value) {
    check_bind(sqlite3_bind_int64(statement_.get(), index, value));
}

void statement::bind(int index, std::string_view text) {
    // A null pointer would bind NULL.
    const char* data = text.data() ? text.data() : "";
    check_bind(sqlite3_bind_text64(statement_.get(), index, data, text.size(), SQLITE_STATIC,
                                   SQLITE_UTF8));
}

void statement::bind(int index, std::span<const std::uint8_t> blob) {
    // The same for a blob.
    const void* data = blob.data() ? static_cast<const void*>(blob.data()) : "";
    check_bind(sqlite3_bind_blob64(statement_.get(), index, data, blob.size(), SQLITE_STATIC));
}

void statement::bind_null(int index) {
    check_bind(sqlite3_bind_null(statement_.get(), index));
}

void statement::bind(int index, const std::optional<std::int64_t>& value) {
    if (value) {
        bind(index, *value);
    } else {
        bind_null(index);
    }
}

void statement::bind_unless_empty(int index, std::string_view text) {
    if (text.empty()) {
        bind_null(index);
    } else {
        bind(index, text);
    }
}

bool statement::step() {
    const int rc = sqlite3_step(statement_.get());
    if (rc == SQLITE_ROW) return true;
    if (rc == SQLITE_DONE) return false;
    sqlite3* db = sqlite3_db_handle(statement_.get());
    try {
        throw_database_error(db, rc, "running a statement");
    } catch (...) {
        reset();
        throw;
    }
}

void statement::reset() noexcept {
    sqlite3_reset(statement_.get());
}

void statement::run() {
    while (step()) {
    }
    reset();
}

bool statement::is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::int64_t statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::optional<std::int64_t> statement::optional_integer(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

std::string_view statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    if (!data) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::span<const std::uint8_t> statement::blob(int column) const {
    const auto* data =
        static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

connection::connection(const std::string& path, int flags, const char* vfs) {
    sqlite3* db = nullptr;
    const int rc = sqlite3_open_v2(path.c_str(), &db,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs);
    db_.reset(db);  // also after a failure: the handle carries the message
    if (rc != SQLITE_OK) throw_database_error(db, rc, "opening the database");
}

void connection::execute(const char* sql) {
    const int rc = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
    if (rc != SQLITE_OK) throw_database_error(db_.get(), rc, sql);
}

std::int64_t connection::query_integer(const char* sql) {
    auto query = prepare(sql);
    return query.step() ? query.integer(0) : 0;
}

transaction::~transaction() {
    // SQLite has already rolled back after some errors.
    if (db_.in_transaction()) sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

std::string file_uri(std::string_view path, std::string_view parameters) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string uri = "file:";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#') {
            const auto byte = static_cast<unsigned char>(c);
            uri += '%';
            uri += digits[byte >> 4];
            uri += digits[byte & 15];
        } else {
            uri += c;
        }
    }
    uri += '?';
    uri += parameters;
    return uri;
}

}  // namespace sluice::sqlite
