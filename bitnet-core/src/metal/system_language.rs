//! The version of the language that a system of Apple's compiles.

use bitnet_msl::LanguageVersion;

/// The newest version that a system with this major version compiles: macOS, or iOS and those that are numbered like it.
///
/// Both got one a year until 2025, when their numbers became those of years; a process that was built for an older
/// system is told 16, or 19, instead of 26.
pub(crate) fn newest_language(is_macos: bool, major_version: isize) -> LanguageVersion {
    use LanguageVersion::{Metal2_3, Metal2_4, Metal3_0, Metal3_1, Metal3_2, Metal4_0};
    let with_metal_2_3 = if is_macos { 11 } else { 14 };
    match major_version - with_metal_2_3 {
        ..=0 => Metal2_3,
        1 => Metal2_4,
        2 => Metal3_0,
        3 => Metal3_1,
        4 => Metal3_2,
        5.. => Metal4_0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_have_the_versions_that_came_with_them() {
        let check = |is_macos, expect: [(isize, &str); 8]| {
            for (major, version) in expect {
                assert_eq!(newest_language(is_macos, major).to_string(), version, "{major}");
            }
        };
        let versions = ["2.3", "2.3", "2.4", "3.0", "3.1", "3.2", "4.0", "4.0"];
        let with = |systems: [isize; 8]| std::array::from_fn(|at| (systems[at], versions[at]));
        check(true, with([10, 11, 12, 13, 14, 15, 16, 26]));
        check(false, with([13, 14, 15, 16, 17, 18, 19, 26]));
    }
}
