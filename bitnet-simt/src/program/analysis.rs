//! What must be known of a function before its code is made: uses, the last use of each value, and how each
//! promoted local is used.
//!
//! A value is freed after the statement of *its own block* that holds its last use, however deep: so a value
//! from outside a loop lives until the loop ends. Values that are made of others without an instruction
//! (swizzles, parts, addresses, locals that are set once) keep those alive.

use std::collections::{HashMap, HashSet};

use bitnet_msl::ir::{Block, Function, LocalId, Op, Stmt, UnaryOp, Value};

/// Where a statement is: its block, and its index there.
pub(super) type Place = (u32, u32);

/// The number of a block and of the blocks within each of its statements.
#[derive(Debug, Default)]
pub(super) struct BlockTree {
    pub(super) id: u32,
    pub(super) inner: Vec<Vec<BlockTree>>,
}

/// How a promoted local is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LocalPlan {
    /// Not used by value.
    None,
    /// Set once before all uses: another name for that value.
    Alias(Value),
    /// Set in each visit of its block before it is read: registers from there to its last use.
    Scoped,
    /// Registers for the whole function, zero at first.
    Whole,
}

/// The result.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    pub(super) tree: BlockTree,
    /// Uses of each value by what is not dead.
    pub(super) uses: Vec<u32>,
    /// Instructions that need no code.
    pub(super) dead: Vec<bool>,
    /// `LocalGet`s whose local may change before their last use.
    pub(super) copied: Vec<bool>,
    pub(super) locals: Vec<LocalPlan>,
    /// Values whose last use is in this statement.
    dying: HashMap<Place, Vec<Value>>,
    /// Scoped locals whose last use is in this statement.
    freed: HashMap<Place, Vec<LocalId>>,
    /// `LocalSet`s after which no inactive lane reads what the local held before.
    unmasked: HashSet<Place>,
    /// Loops with a `Continue` of their own.
    continued: HashSet<Place>,
    /// There is a `Return` other than the last statement.
    pub(super) returns_early: bool,
}

impl Analysis {
    pub(super) fn new(function: &Function) -> Self {
        let mut walk = Walk::new(function);
        walk.result.tree = walk.block(&function.body);
        walk.finish()
    }

    pub(super) fn dying(&self, place: Place) -> &[Value] {
        self.dying.get(&place).map_or(&[], Vec::as_slice)
    }

    pub(super) fn freed(&self, place: Place) -> &[LocalId] {
        self.freed.get(&place).map_or(&[], Vec::as_slice)
    }

    pub(super) fn is_unmasked(&self, place: Place) -> bool {
        self.unmasked.contains(&place)
    }

    pub(super) fn has_continue(&self, place: Place) -> bool {
        self.continued.contains(&place)
    }
}

/// An access of a local by value.
struct LocalAccess {
    local: LocalId,
    /// The statements that lead to it, outermost first.
    path: Vec<Place>,
    /// The value that is assigned, for a `LocalSet`.
    set: Option<Value>,
}

struct Walk<'f> {
    function: &'f Function,
    result: Analysis,
    blocks: u32,
    path: Vec<Place>,
    /// The loops around, innermost last.
    loops: Vec<Place>,
    /// Depth of the definition of each value.
    depth: Vec<usize>,
    /// Path of each value's definition.
    defined_at: Vec<Vec<Place>>,
    /// Index of the statement of the defining block with the last use.
    last: Vec<u32>,
    order: Vec<Value>,
    accesses: Vec<LocalAccess>,
    /// Scoped locals, with the depth of their home block and the place of their last access.
    scoped: Vec<(LocalId, usize, Place)>,
    /// Blocks that are `continuing` blocks.
    in_continuing: HashSet<u32>,
    /// The loop of each block that is a loop's body or `continuing` block.
    loop_bodies: HashMap<u32, Place>,
}

impl<'f> Walk<'f> {
    fn new(function: &'f Function) -> Self {
        let count = function.insts.len();
        let result = Analysis {
            uses: vec![0; count],
            dead: vec![false; count],
            copied: vec![false; count],
            locals: vec![LocalPlan::None; function.locals.len()],
            ..Analysis::default()
        };
        Self {
            function,
            result,
            blocks: 0,
            path: Vec::new(),
            loops: Vec::new(),
            depth: vec![0; count],
            defined_at: vec![Vec::new(); count],
            last: vec![0; count],
            order: Vec::with_capacity(count),
            accesses: Vec::new(),
            scoped: Vec::new(),
            in_continuing: HashSet::new(),
            loop_bodies: HashMap::new(),
        }
    }

    fn block(&mut self, block: &Block) -> BlockTree {
        let id = self.blocks;
        self.blocks += 1;
        let mut inner = Vec::with_capacity(block.0.len());
        for (index, stmt) in block.0.iter().enumerate() {
            self.path.push((id, index as u32));
            inner.push(self.stmt(stmt));
            self.path.pop();
        }
        let ends_function = |stmt: &Stmt| matches!(stmt, Stmt::Return(..));
        let returns = block.0.iter().enumerate().filter(|(_, stmt)| ends_function(stmt));
        let is_last = |index: usize| id == 0 && index + 1 == block.0.len();
        self.result.returns_early |= returns.into_iter().any(|(index, _)| !is_last(index));
        BlockTree { id, inner }
    }

    fn stmt(&mut self, stmt: &Stmt) -> Vec<BlockTree> {
        match stmt {
            Stmt::Eval(value) => self.eval(*value),
            Stmt::LocalSet(local, value) => {
                self.use_value(*value);
                self.access(*local, Some(*value));
            }
            Stmt::Store { ptr, value, .. } => {
                self.use_value(*ptr);
                self.use_value(*value);
            }
            Stmt::If { cond, then, other, .. } => {
                self.use_value(*cond);
                return vec![self.block(then), self.block(other)];
            }
            Stmt::Switch { selector, sections, .. } => {
                self.use_value(*selector);
                return sections.iter().map(|section| self.block(&section.body)).collect();
            }
            Stmt::Loop { body, continuing, .. } => return self.loop_blocks(body, continuing),
            Stmt::Break => {}
            Stmt::Continue => {
                if let Some(&place) = self.loops.last() {
                    self.result.continued.insert(place);
                }
            }
            Stmt::Return(value, _) => {
                if let Some(value) = value {
                    self.use_value(*value);
                }
            }
        }
        Vec::new()
    }

    fn loop_blocks(&mut self, body: &Block, continuing: &Block) -> Vec<BlockTree> {
        let place = *self.path.last().expect("a loop is a statement of a block");
        self.loops.push(place);
        self.loop_bodies.insert(self.blocks, place);
        let body = self.block(body);
        self.loops.pop();
        self.in_continuing.insert(self.blocks);
        self.loop_bodies.insert(self.blocks, place);
        let continuing = self.block(continuing);
        vec![body, continuing]
    }

    fn eval(&mut self, value: Value) {
        let index = value.0 as usize;
        let op = &self.function.inst(value).op;
        op.for_each_operand(|operand| self.use_value(operand));
        if let Op::LocalGet(local) = op {
            self.access(*local, None);
        }
        self.depth[index] = self.path.len() - 1;
        self.last[index] = self.path.last().map_or(0, |place| place.1);
        self.defined_at[index].clone_from(&self.path);
        self.order.push(value);
    }

    fn use_value(&mut self, value: Value) {
        let index = value.0 as usize;
        self.result.uses[index] += 1;
        self.last[index] = self.path[self.depth[index]].1;
    }

    fn access(&mut self, local: LocalId, set: Option<Value>) {
        self.accesses.push(LocalAccess { local, path: self.path.clone(), set });
    }

    fn finish(mut self) -> Analysis {
        self.find_dead();
        self.plan_locals();
        self.extend_lives();
        self.free_scoped_locals();
        self.find_copies();
        for &value in &self.order {
            let index = value.0 as usize;
            let block = self.defined_at[index].last().map_or(0, |place| place.0);
            self.result.dying.entry((block, self.last[index])).or_default().push(value);
        }
        self.result
    }

    /// Pure instructions that nobody uses, and those that only they use.
    fn find_dead(&mut self) {
        for &value in self.order.iter().rev() {
            let op = &self.function.inst(value).op;
            let removable = op.is_pure() || matches!(op, Op::LocalGet(_));
            if self.result.uses[value.0 as usize] == 0 && removable {
                self.result.dead[value.0 as usize] = true;
                op.for_each_operand(|operand| self.result.uses[operand.0 as usize] -= 1);
            }
        }
    }

    fn plan_locals(&mut self) {
        let mut by_local: HashMap<LocalId, Vec<usize>> = HashMap::new();
        for (i, access) in self.accesses.iter().enumerate() {
            by_local.entry(access.local).or_default().push(i);
        }
        for (local, accesses) in by_local {
            let plan = self.plan_local(local, &accesses);
            self.result.locals[local.0 as usize] = plan;
        }
    }

    fn plan_local(&mut self, local: LocalId, accesses: &[usize]) -> LocalPlan {
        let accesses: Vec<&LocalAccess> = accesses.iter().map(|&i| &self.accesses[i]).collect();
        let first = accesses[0];
        let shared = |depth: usize| {
            let block = first.path.get(depth).map(|place| place.0);
            block.is_some() && accesses.iter().all(|a| a.path.get(depth).map(|place| place.0) == block)
        };
        let home = (0..first.path.len()).rev().find(|&depth| shared(depth)).unwrap_or(0);
        let Some(value) = first.set.filter(|_| first.path.len() == home + 1) else {
            return LocalPlan::Whole;
        };
        let sets = accesses.iter().filter(|access| access.set.is_some()).count();
        if sets == 1 {
            return LocalPlan::Alias(value);
        }
        let block = first.path[home].0;
        let end = accesses.iter().map(|access| access.path[home].1).max().unwrap_or(0);
        let first_set = first.path[home];
        self.result.unmasked.insert(first_set);
        for access in accesses.iter().skip(1).filter(|access| access.set.is_some()) {
            if self.lanes_outside_do_not_read(access, home, end) {
                self.result.unmasked.insert(access.path[access.path.len() - 1]);
            }
        }
        self.scoped.push((local, home, (block, end)));
        LocalPlan::Scoped
    }

    /// Whether the set is in a loop of the home block after which the local is not read, so that lanes that
    /// have left the loop do not need it; and no lane waits for the end of the iteration.
    fn lanes_outside_do_not_read(&self, set: &LocalAccess, home: usize, end: u32) -> bool {
        if set.path.len() == home + 1 {
            // Straight in the home block: whoever is not here comes by the first set before it reads.
            return true;
        }
        let within_loop = set.path.len() == home + 2 && set.path[home].1 == end;
        let block = set.path[set.path.len() - 1].0;
        within_loop
            && self.loop_bodies.get(&block).is_some_and(|place| {
                self.in_continuing.contains(&block) || !self.result.continued.contains(place)
            })
    }

    /// Values that others are made of live as long as these.
    fn extend_lives(&mut self) {
        for i in (0..self.order.len()).rev() {
            let value = self.order[i];
            if self.result.dead[value.0 as usize] {
                continue;
            }
            let op = &self.function.inst(value).op;
            if let Op::LocalGet(local) = op {
                if let LocalPlan::Alias(source) = self.result.locals[local.0 as usize] {
                    self.extend(source, value);
                }
            } else if may_alias(op) {
                let mut sources = Vec::new();
                op.for_each_operand(|operand| sources.push(operand));
                sources.into_iter().for_each(|source| self.extend(source, value));
            }
        }
    }

    /// A scoped local is free after its last access, and after the last use of what was read from it: that
    /// value lies in the local's registers.
    fn free_scoped_locals(&mut self) {
        for (local, home, (block, mut end)) in std::mem::take(&mut self.scoped) {
            for &value in &self.order {
                let reads = matches!(self.function.inst(value).op, Op::LocalGet(read) if read == local);
                let path = &self.defined_at[value.0 as usize];
                if reads && path.len() == home + 1 {
                    end = end.max(self.last[value.0 as usize]);
                }
            }
            self.result.freed.entry((block, end)).or_default().push(local);
        }
    }

    /// Lets `source` live at least as long as `value`, whose block its own block encloses.
    fn extend(&mut self, source: Value, value: Value) {
        let depth = self.depth[source.0 as usize];
        let path = &self.defined_at[value.0 as usize];
        let until = if path.len() == depth + 1 { self.last[value.0 as usize] } else { path[depth].1 };
        let last = &mut self.last[source.0 as usize];
        *last = until.max(*last);
    }

    /// `LocalGet`s with a `LocalSet` of their local between them and their last use.
    fn find_copies(&mut self) {
        let mut sets: HashMap<LocalId, Vec<&[Place]>> = HashMap::new();
        for access in self.accesses.iter().filter(|access| access.set.is_some()) {
            sets.entry(access.local).or_default().push(&access.path);
        }
        for &value in &self.order {
            let Op::LocalGet(local) = self.function.inst(value).op else { continue };
            let here = &self.defined_at[value.0 as usize];
            let depth = here.len() - 1;
            let (block, from) = here[depth];
            let until = self.last[value.0 as usize];
            let conflicts = sets.get(&local).into_iter().flatten().any(|path| {
                let Some(&(set_block, at)) = path.get(depth) else { return false };
                let in_last_itself = at == until && path.len() == depth + 1;
                set_block == block && from < at && at <= until && !in_last_itself
            });
            self.result.copied[value.0 as usize] = conflicts;
        }
    }
}

/// Whether the result may lie in the operands' registers, or its code may come with that of its use.
fn may_alias(op: &Op) -> bool {
    matches!(
        op,
        Op::Splat(_)
            | Op::Compose(_)
            | Op::Extract(..)
            | Op::ExtractDynamic(..)
            | Op::Insert(..)
            | Op::Swizzle(..)
            | Op::FieldAddr(..)
            | Op::ElementAddr(..)
            | Op::PtrAdd(..)
            | Op::PtrCast(_)
            | Op::Convert(_)
            | Op::Bitcast(_)
            | Op::Compare(..)
            | Op::Unary(UnaryOp::LogicalNot, _)
    )
}
