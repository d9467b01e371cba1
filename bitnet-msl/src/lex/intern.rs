//! Spellings, each kept once.

use std::collections::HashMap;
use std::rc::Rc;

use super::token::Punct;

/// A spelling that an [`Interner`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Symbol(u32);

impl Symbol {
    /// A dense number from 0, for tables by symbol.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl From<Punct> for Symbol {
    /// **Invariant:** operators and punctuation are the first spellings of every interner, in their order.
    fn from(punct: Punct) -> Self {
        Symbol(punct as u32)
    }
}

/// Gives equal spellings equal [`Symbol`]s.
pub(crate) struct Interner {
    symbols: HashMap<Rc<str>, Symbol>,
    texts: Vec<Rc<str>>,
}

impl Interner {
    pub(crate) fn new() -> Self {
        let mut interner = Self { symbols: HashMap::new(), texts: Vec::new() };
        for punct in Punct::ALL {
            interner.intern(punct.text());
        }
        interner
    }

    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&symbol) = self.symbols.get(text) {
            return symbol;
        }
        let symbol = Symbol(self.texts.len() as u32);
        let text: Rc<str> = text.into();
        self.texts.push(Rc::clone(&text));
        self.symbols.insert(text, symbol);
        symbol
    }

    pub(crate) fn text(&self, symbol: Symbol) -> &Rc<str> {
        &self.texts[symbol.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_spellings_share_a_symbol() {
        let mut interner = Interner::new();
        let name = interner.intern("threadgroup");
        assert_eq!(interner.intern("threadgroup"), name);
        assert_ne!(interner.intern("thread"), name);
        assert_eq!(&**interner.text(name), "threadgroup");
    }

    #[test]
    fn punctuation_is_known_from_the_start() {
        let mut interner = Interner::new();
        for &punct in Punct::ALL {
            assert_eq!(interner.intern(punct.text()), Symbol::from(punct));
        }
    }
}
