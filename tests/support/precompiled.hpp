// Precompiled once; see tests/CMakeLists.txt.
#pragma once

#include "cmake/asio_pch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <random>
#include <ranges>
#include <set>
#include <span>
#include <unordered_map>
