//! `long` and `ulong`, on the bits of a lane.

super::integer::integer_functions!(u64, i64);
