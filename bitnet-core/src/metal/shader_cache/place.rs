//! Where the cache is when nobody says where.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};

/// The environment variable that puts the cache somewhere else. Empty means the same as not set.
pub const CACHE_DIRECTORY_VARIABLE: &str = "BITNET_CACHE_DIR";

/// The directory, if the user has one.
pub(super) fn of_the_user() -> Option<PathBuf> {
    let native = || choose_native_strategy().ok().map(|strategy| strategy.cache_dir());
    choose(env::var_os(CACHE_DIRECTORY_VARIABLE), native)
}

/// The variable's directory, else ours in the user's cache directory.
fn choose(variable: Option<OsString>, user: impl FnOnce() -> Option<PathBuf>) -> Option<PathBuf> {
    match variable.filter(|value| !value.is_empty()) {
        Some(directory) => Some(directory.into()),
        None => Some(user()?.join("bitnet-rust").join("shaders")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_goes_before_the_users_directory() {
        let check = |variable: Option<&str>, user: Option<&str>, expect: Option<PathBuf>| {
            assert_eq!(choose(variable.map(Into::into), || user.map(Into::into)), expect);
        };
        let ours = PathBuf::from("cache").join("bitnet-rust").join("shaders");
        check(None, Some("cache"), Some(ours.clone()));
        check(Some(""), Some("cache"), Some(ours));
        check(Some("elsewhere"), Some("cache"), Some("elsewhere".into()));
        check(Some("elsewhere"), None, Some("elsewhere".into()));
        check(None, None, None);
    }
}
