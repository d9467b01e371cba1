//! Blocks of statements as a flat list of steps, so that reading one cannot nest deeper than it says.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ir::{Block, LocalId, Stmt, SwitchSection, Value};
use crate::source::Span;

/// Most blocks within each other. Far more than sources can have, few enough for every walk over a block.
pub(super) const MAX_DEPTH: u32 = 1024;

/// A statement without the blocks that it holds, or the end of a block.
#[derive(Serialize, Deserialize)]
enum Step {
    Eval(Value),
    LocalSet(LocalId, Value),
    Store(Value, Value, Span),
    /// The taken block follows, up to `Else`; then the other one, up to `End`.
    If(Value, Span),
    Else,
    /// Sections follow, each up to `End`; then `End`.
    Switch(Value, Span),
    Section(Vec<i64>, bool),
    /// The body follows, up to `Continuing`; then the continuing block, up to `End`.
    Loop(Span),
    Continuing,
    Break,
    Continue,
    Return(Option<Value>, Span),
    End,
}

/// Writes a block, for serde's `with`.
pub(crate) fn serialize<S: Serializer>(block: &Block, serializer: S) -> Result<S::Ok, S::Error> {
    let mut steps = Vec::new();
    flatten(block, &mut steps);
    steps.serialize(serializer)
}

/// Reads a block, for serde's `with`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Block, D::Error> {
    let steps = Vec::<Step>::deserialize(deserializer)?;
    let mut reader = Reader { steps: steps.into_iter() };
    let (block, mark) = reader.block(0).map_err(D::Error::custom)?;
    match mark {
        Mark::Last => Ok(block),
        _ => Err(D::Error::custom("a block ends that has not begun")),
    }
}

/// How many blocks are within each other.
pub(super) fn depth(block: &Block) -> u32 {
    let inner = |stmt: &Stmt| match stmt {
        Stmt::If { then, other, .. } => depth(then).max(depth(other)),
        Stmt::Switch { sections, .. } => {
            1 + sections.iter().map(|section| depth(&section.body)).max().unwrap_or(0)
        }
        Stmt::Loop { body, continuing, .. } => depth(body).max(depth(continuing)),
        _ => 0,
    };
    1 + block.0.iter().map(inner).max().unwrap_or(0)
}

fn flatten(block: &Block, steps: &mut Vec<Step>) {
    for stmt in &block.0 {
        match stmt {
            Stmt::Eval(value) => steps.push(Step::Eval(*value)),
            Stmt::LocalSet(local, value) => steps.push(Step::LocalSet(*local, *value)),
            Stmt::Store { ptr, value, span } => steps.push(Step::Store(*ptr, *value, *span)),
            Stmt::If { cond, then, other, span } => {
                steps.push(Step::If(*cond, *span));
                flatten(then, steps);
                steps.push(Step::Else);
                flatten(other, steps);
                steps.push(Step::End);
            }
            Stmt::Switch { selector, sections, span } => {
                steps.push(Step::Switch(*selector, *span));
                for SwitchSection { values, is_default, body } in sections {
                    steps.push(Step::Section(values.clone(), *is_default));
                    flatten(body, steps);
                    steps.push(Step::End);
                }
                steps.push(Step::End);
            }
            Stmt::Loop { body, continuing, span } => {
                steps.push(Step::Loop(*span));
                flatten(body, steps);
                steps.push(Step::Continuing);
                flatten(continuing, steps);
                steps.push(Step::End);
            }
            Stmt::Break => steps.push(Step::Break),
            Stmt::Continue => steps.push(Step::Continue),
            Stmt::Return(value, span) => steps.push(Step::Return(*value, *span)),
        }
    }
}

/// What a block ended at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Else,
    Continuing,
    End,
    Last,
}

struct Reader {
    steps: std::vec::IntoIter<Step>,
}

impl Reader {
    /// The statements up to a mark.
    fn block(&mut self, depth: u32) -> Result<(Block, Mark), &'static str> {
        if depth == MAX_DEPTH {
            return Err("blocks are too deep within each other");
        }
        let mut block = Block::default();
        while let Some(step) = self.steps.next() {
            block.0.push(match step {
                Step::Eval(value) => Stmt::Eval(value),
                Step::LocalSet(local, value) => Stmt::LocalSet(local, value),
                Step::Store(ptr, value, span) => Stmt::Store { ptr, value, span },
                Step::If(cond, span) => {
                    let then = self.block_up_to(Mark::Else, depth + 1)?;
                    let other = self.block_up_to(Mark::End, depth + 1)?;
                    Stmt::If { cond, then, other, span }
                }
                Step::Switch(selector, span) => {
                    Stmt::Switch { selector, sections: self.sections(depth + 1)?, span }
                }
                Step::Loop(span) => {
                    let body = self.block_up_to(Mark::Continuing, depth + 1)?;
                    let continuing = self.block_up_to(Mark::End, depth + 1)?;
                    Stmt::Loop { body, continuing, span }
                }
                Step::Break => Stmt::Break,
                Step::Continue => Stmt::Continue,
                Step::Return(value, span) => Stmt::Return(value, span),
                Step::Else => return Ok((block, Mark::Else)),
                Step::Continuing => return Ok((block, Mark::Continuing)),
                Step::End => return Ok((block, Mark::End)),
                Step::Section(..) => return Err("a section stands in a switch"),
            });
        }
        Ok((block, Mark::Last))
    }

    fn block_up_to(&mut self, mark: Mark, depth: u32) -> Result<Block, &'static str> {
        let (block, found) = self.block(depth)?;
        if found == mark { Ok(block) } else { Err("a block ends as it began") }
    }

    fn sections(&mut self, depth: u32) -> Result<Vec<SwitchSection>, &'static str> {
        let mut sections = Vec::new();
        loop {
            match self.steps.next() {
                Some(Step::Section(values, is_default)) => {
                    let body = self.block_up_to(Mark::End, depth)?;
                    sections.push(SwitchSection { values, is_default, body });
                }
                Some(Step::End) => return Ok(sections),
                _ => return Err("a switch holds sections"),
            }
        }
    }
}
