//! Keys: one hash of everything that a compilation depends on.

use std::fmt;

use crate::metal::compile_options::CompileOptions;
use crate::metal::device::{Device, DeviceKind};

/// What tells compiled shaders from each other: a hash of name, source, includes, defines, all options, the version and
/// source of the compiler, the formats, and the device. Whatever changes one of these changes the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    pub(super) const BYTES: usize = 32;

    /// The key of a compilation.
    pub(crate) fn new(device: &Device, name: &str, source: &str, options: &CompileOptions) -> Self {
        let CompileOptions { language_version, fast_math, defines, includes, optimization_level, debug_info } =
            options;
        let mut hash = Hash::default();
        hash.add("bitnet-core", env!("CARGO_PKG_VERSION"));
        hash.add("compiler", bitnet_msl::COMPILER);
        hash.add("artifact format", &bitnet_msl::artifact::FORMAT.to_string());
        hash.add("entry format", &super::entry::FORMAT.to_string());
        hash.add("device kind", &format!("{:?}", device.kind()));
        // A GPU's code is for that GPU; the host's name only says how many threads it has.
        if device.kind() == DeviceKind::Metal {
            hash.add("device name", device.name());
            hash.add("code version", &device.code_version());
        }
        hash.add("device limits", &format!("{:?}", device.limits()));
        hash.add("language version", &language_version.number().to_string());
        hash.add("fast math", &fast_math.to_string());
        hash.add("optimization level", optimization_level.name());
        hash.add("debug info", &debug_info.to_string());
        for (name, body) in defines.iter() {
            hash.add("define", name);
            hash.add("as", body);
        }
        for (name, text) in includes {
            hash.add("include", name);
            hash.add("text", text);
        }
        hash.add("shader", name);
        hash.add("source", source);
        Self(*hash.0.finalize().as_bytes())
    }

    pub(super) fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({self})")
    }
}

/// A hash of named texts. Each is preceded by its length, so that no two lists of texts run into the same bytes.
#[derive(Default)]
struct Hash(blake3::Hasher);

impl Hash {
    fn add(&mut self, what: &str, text: &str) {
        for part in [what, text] {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part.as_bytes());
        }
    }
}
