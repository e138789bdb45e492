#pragma once

#include <sqlite3.h>

/// For files of SQLite that stand in front of another one. A `Layer` begins with the sqlite3_file
/// that SQLite sees; the file below lies right behind it in memory, which the VFS asks for.
namespace sluice::sqlite {

template <class Layer>
sqlite3_file* file_below(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<Layer*>(file) + 1);
}

/// Passes a call on to the file below.
template <class Layer, auto Method, class... Arguments>
int forward(sqlite3_file* file, Arguments... arguments) {
    sqlite3_file* to = file_below<Layer>(file);
    return (to->pMethods->*Method)(to, arguments...);
}

}  // namespace sluice::sqlite
