//! Tokens as the parser sees them: after preprocessing, literals decoded.

use std::rc::Rc;

use crate::ast::{FloatSuffix, IntSuffix};
use crate::source::Span;

/// A token and where its reader wrote it (for a macro's token: the use of the macro).
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of token.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenKind {
    /// Identifier or keyword; the parser tells them apart.
    Ident(Rc<str>),
    /// Integer literal.
    Int(u64, IntSuffix),
    /// Floating-point literal.
    Float(f64, FloatSuffix),
    /// Character literal.
    Char(u32),
    /// String literal without quotes, escapes decoded. Adjacent ones are not joined yet.
    Str(Rc<str>),
    /// Operator or punctuation.
    Punct(Punct),
    /// `#include <metal_logging>`, the first time: names that nobody has without it are declared here.
    LoggingHeader,
    /// End of the text; always the last token, exactly once.
    Eof,
}

/// Makes [`Punct`] from one table, longest spellings first so that the lexer can take the first match.
macro_rules! puncts {
    ($($variant:ident $text:literal,)*) => {
        /// Operators and punctuation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Punct { $(#[doc = concat!("`", $text, "`")] $variant,)* }

        impl Punct {
            /// Every row, longest spellings first.
            pub const ALL: &'static [Punct] = &[$(Punct::$variant,)*];

            /// The spelling.
            pub fn text(self) -> &'static str {
                match self { $(Punct::$variant => $text,)* }
            }
        }
    };
}

puncts! {
    Ellipsis "...", ShlAssign "<<=", ShrAssign ">>=",
    Arrow "->", PlusPlus "++", MinusMinus "--", Shl "<<", Shr ">>", LessEqual "<=", GreaterEqual ">=",
    EqualEqual "==", NotEqual "!=", AndAnd "&&", OrOr "||", PlusAssign "+=", MinusAssign "-=",
    StarAssign "*=", SlashAssign "/=", PercentAssign "%=", AndAssign "&=", OrAssign "|=", XorAssign "^=",
    ColonColon "::", HashHash "##",
    Plus "+", Minus "-", Star "*", Slash "/", Percent "%", And "&", Or "|", Xor "^", Tilde "~", Not "!",
    Less "<", Greater ">", Assign "=", Question "?", Colon ":", Semicolon ";", Comma ",", Dot ".",
    OpenParen "(", CloseParen ")", OpenBracket "[", CloseBracket "]", OpenBrace "{", CloseBrace "}", Hash "#",
}
