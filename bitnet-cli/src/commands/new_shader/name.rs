//! Names that a shader, its kernel and its Rust modules can all have.

use std::fmt;

use anyhow::bail;
use bitnet_core::msl::diag::Code;
use bitnet_core::msl::{CompileOptions, compile};

/// What the templates call the kernel.
const EXAMPLE: Spellings<'static> =
    Spellings { snake: "example_kernel", camel: "ExampleKernel", upper: "EXAMPLE_KERNEL" };
const MAX_LENGTH: usize = 40;

/// Words that Rust keeps for itself and that Metal does not, as far as they could be names of shaders.
const RUST_KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "crate", "dyn", "fn", "gen", "impl", "in", "let",
    "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "self", "super",
    "trait", "type", "unsafe", "unsized", "use", "where", "yield",
];

/// A name in the ways that code writes it.
struct Spellings<'a> {
    snake: &'a str,
    camel: &'a str,
    upper: &'a str,
}

/// A name that can be used: `small_letters`.
pub(super) struct Name(String);

impl Name {
    /// # Errors
    /// If the name cannot be that of a Rust module and of a kernel.
    pub(super) fn new(name: &str) -> anyhow::Result<Self> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(is_plain) {
            bail!("'{name}' is no name for a shader: small letters, digits and underscores, a letter first");
        }
        if name.len() > MAX_LENGTH {
            bail!("'{name}' is longer than {MAX_LENGTH} letters");
        }
        if name.contains("__") || name.ends_with('_') || name.ends_with("_f16") {
            bail!("'{name}' is no name for a shader: `__` is kept for compilers, `_f16` for half precision");
        }
        if RUST_KEYWORDS.contains(&name) {
            bail!("'{name}' is a keyword of Rust, so no module can have the name");
        }
        if name == "main" || means_something_in_metal(name) {
            bail!("'{name}' means something in the Metal Shading Language already");
        }
        Ok(Self(name.to_owned()))
    }

    /// `SmallLetters`
    pub(super) fn camel(&self) -> String {
        let capitalised = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
        self.0.split('_').map(capitalised).collect()
    }

    /// `SMALL_LETTERS`
    pub(super) fn upper(&self) -> String {
        self.0.to_ascii_uppercase()
    }

    /// A template with this name in place of its own.
    pub(super) fn fill(&self, template: &str) -> String {
        template
            .replace(EXAMPLE.snake, &self.0)
            .replace(EXAMPLE.camel, &self.camel())
            .replace(EXAMPLE.upper, &self.upper())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a name is a keyword, a type or a function where the standard library is used: asked of the front end, for
/// which a call of a free name is a call of nothing.
fn means_something_in_metal(name: &str) -> bool {
    let text = format!("#include <metal_stdlib>\nusing namespace metal;\nvoid probe() {{ {name}(); }}\n");
    let compilation = compile("probe", &text, &CompileOptions::default());
    let is_free = compilation.module.is_none() && compilation.errors().all(|error| error.code == Code::E0203);
    !is_free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_both_languages_leave_free_are_taken() {
        for name in ["swish", "relu6", "my_kernel_2", "square"] {
            assert!(Name::new(name).is_ok(), "{name}");
        }
        let refused = [
            ("", "letter first"),
            ("Swish", "small letters"),
            ("6relu", "letter first"),
            ("_x", "letter first"),
            ("a-b", "small letters"),
            ("../x", "small letters"),
            ("é", "small letters"),
            ("a__b", "`__`"),
            ("a_", "`__`"),
            ("relu_f16", "_f16"),
            ("match", "keyword of Rust"),
            ("mod", "keyword of Rust"),
            ("kernel", "Metal"),
            ("float", "Metal"),
            ("uint4", "Metal"),
            ("sin", "Metal"),
            ("simd_sum", "Metal"),
            ("main", "Metal"),
            ("xor", "Metal"),
        ];
        for (name, expect) in refused {
            let error = Name::new(name).err().unwrap_or_else(|| panic!("{name} is taken")).to_string();
            assert!(error.contains(expect), "{name}: {error}");
        }
        assert!(Name::new(&"a".repeat(MAX_LENGTH)).is_ok());
        assert!(Name::new(&"a".repeat(MAX_LENGTH + 1)).is_err());
    }

    #[test]
    fn templates_get_the_name_in_every_spelling() {
        let name = Name::new("relu_6").expect("a free name");
        let filled = name.fill("example_kernel::EXAMPLE_KERNEL, F::ExampleKernel");
        assert_eq!(filled, "relu_6::RELU_6, F::Relu6");
    }
}
