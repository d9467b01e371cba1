//! Random programs: what they are made of, and the maker.

/// Iterations of a loop at most.
pub(crate) const MAX_TRIPS: i32 = 5;

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    And,
    Xor,
    Shr,
    Lt,
    Eq,
}

const OPS: [BinOp; 10] = [
    BinOp::Add,
    BinOp::Sub,
    BinOp::Mul,
    BinOp::Div,
    BinOp::Rem,
    BinOp::And,
    BinOp::Xor,
    BinOp::Shr,
    BinOp::Lt,
    BinOp::Eq,
];

impl BinOp {
    pub(crate) fn text(self) -> &'static str {
        match self {
            BinOp::Add => "+",
            BinOp::Sub => "-",
            BinOp::Mul => "*",
            BinOp::Div => "/",
            BinOp::Rem => "%",
            BinOp::And => "&",
            BinOp::Xor => "^",
            BinOp::Shr => ">>",
            BinOp::Lt => "<",
            BinOp::Eq => "==",
        }
    }

    pub(crate) fn apply(self, a: i32, b: i32) -> i32 {
        match self {
            BinOp::Add => a.wrapping_add(b),
            BinOp::Sub => a.wrapping_sub(b),
            BinOp::Mul => a.wrapping_mul(b),
            BinOp::Div => {
                if b == 0 {
                    0
                } else {
                    a.wrapping_div(b)
                }
            }
            BinOp::Rem => {
                if b == 0 {
                    0
                } else {
                    a.wrapping_rem(b)
                }
            }
            BinOp::And => a & b,
            BinOp::Xor => a ^ b,
            BinOp::Shr => a.wrapping_shr(b as u32),
            BinOp::Lt => i32::from(a < b),
            BinOp::Eq => i32::from(a == b),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Const(i32),
    /// The thread's number.
    Thread,
    Var(usize),
    /// A component of the vector variable.
    Component(usize),
    /// An element of the array, index taken modulo its length.
    Element(Box<Expr>),
    Bin(BinOp, Box<Expr>, Box<Expr>),
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    Call(usize, Box<Expr>, Box<Expr>),
    /// An element of device memory, through one of two pointers to it.
    Memory(usize, Box<Expr>),
    /// A member of the constant parameters.
    Constant(usize),
    /// What arithmetic in float makes of two integers.
    Float(Box<Expr>, Box<Expr>),
    /// A helper that returns early.
    Clip(Box<Expr>),
    /// What the active lanes make of it together.
    Lanes(usize, Box<Expr>),
}

#[derive(Clone, Debug)]
pub(crate) enum Stmt {
    Assign(usize, Expr),
    SetComponent(usize, Expr),
    /// `v = v.yzwx` or `v.xy = v.yx`
    Rotate(bool),
    SetElement(Expr, Expr),
    SetMemory(usize, Expr, Expr),
    /// A helper that takes the variable by reference.
    Bump(usize, Expr),
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// Counts up from 0; the counter is its own variable, declared there.
    For(usize, Expr, Vec<Stmt>),
    /// Runs until its own counter says so, tested at the end.
    DoWhile(usize, Expr, Vec<Stmt>),
    Switch(Expr, Vec<(Vec<Stmt>, bool)>),
    Break,
    Continue,
    Return(Expr),
}

/// Variables that any statement may change. Counters of loops come after them.
pub(crate) const VARS: usize = 5;

/// What lanes may do to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lanes {
    /// Nothing: each thread has memory of its own, so that it can be evaluated alone.
    Apart,
    /// They share memory, which ends before the last index, and use functions over lanes.
    Together,
}

struct Maker {
    random: Random,
    lanes: Lanes,
    /// Expressions made before, to be made again.
    seen: Vec<Expr>,
    /// Functions that may be called.
    callable: usize,
    /// Variables and counters in scope.
    visible: Vec<usize>,
    next_counter: usize,
    loops: usize,
    /// Rough size left.
    budget: i32,
}

impl Maker {
    fn expr(&mut self, depth: usize) -> Expr {
        if !self.seen.is_empty() && depth > 0 && self.random.below(5) == 0 {
            let again = self.seen[self.random.below(self.seen.len())].clone();
            if again.uses_only(&self.visible) {
                return again;
            }
        }
        let made = self.new_expr(depth);
        if depth > 0 {
            self.seen.push(made.clone());
        }
        made
    }

    fn new_expr(&mut self, depth: usize) -> Expr {
        let leaf = depth == 0 || self.random.below(4) == 0;
        if leaf {
            return match self.random.below(7) {
                0 => Expr::Const(self.random.below(9) as i32 - 3),
                1 => Expr::Thread,
                2 => Expr::Component(self.random.below(4)),
                3 => Expr::Constant(self.random.below(2)),
                _ => Expr::Var(self.visible[self.random.below(self.visible.len())]),
            };
        }
        let mut sub = || Box::new(self.expr(depth - 1));
        let (a, b, c) = (sub(), sub(), sub());
        match self.random.below(13) {
            0 => Expr::Choose(a, b, c),
            1 => Expr::Element(a),
            9 => Expr::Memory(self.random.below(2), a),
            10 => Expr::Float(a, b),
            11 => Expr::Clip(a),
            12 if self.lanes == Lanes::Together => Expr::Lanes(self.random.below(3), a),
            2 if self.callable > 0 => Expr::Call(self.random.below(self.callable), a, b),
            _ => Expr::Bin(OPS[self.random.below(OPS.len())], a, b),
        }
    }

    fn block(&mut self, depth: usize) -> Vec<Stmt> {
        let count = 1 + self.random.below(4);
        (0..count).map(|_| self.stmt(depth)).collect()
    }

    fn stmt(&mut self, depth: usize) -> Stmt {
        self.budget -= 1;
        let nested = depth > 0 && self.budget > 0;
        match self.random.below(if nested { 14 } else { 6 }) {
            1 if self.random.below(2) == 0 => Stmt::Bump(self.random.below(VARS), self.expr(2)),
            2 if self.random.below(2) == 0 => {
                Stmt::SetMemory(self.random.below(2), self.expr(1), self.expr(2))
            }
            0 => Stmt::SetComponent(self.random.below(4), self.expr(2)),
            1 => Stmt::Rotate(self.random.below(2) == 0),
            2 => Stmt::SetElement(self.expr(1), self.expr(2)),
            3..6 => Stmt::Assign(self.random.below(VARS), self.expr(3)),
            6 => Stmt::If(self.expr(2), self.block(depth - 1), Vec::new()),
            7 => Stmt::If(self.expr(2), self.block(depth - 1), self.block(depth - 1)),
            8 | 9 => self.counted(depth, Stmt::For),
            10 => self.counted(depth, Stmt::DoWhile),
            11 => self.switch(depth),
            12 if self.loops > 0 => {
                let leave = if self.random.below(2) == 0 { Stmt::Break } else { Stmt::Continue };
                Stmt::If(self.expr(2), vec![leave], Vec::new())
            }
            12 => Stmt::If(self.expr(2), vec![Stmt::Return(self.expr(2))], Vec::new()),
            _ => {
                let mut then = self.block(depth - 1);
                then.push(Stmt::Return(self.expr(1)));
                Stmt::If(self.expr(3), then, self.block(depth - 1))
            }
        }
    }

    fn counted(&mut self, depth: usize, make: fn(usize, Expr, Vec<Stmt>) -> Stmt) -> Stmt {
        let counter = self.next_counter;
        self.next_counter += 1;
        let limit = self.expr(2);
        self.visible.push(counter);
        self.loops += 1;
        let body = self.block(depth - 1);
        self.loops -= 1;
        self.visible.pop();
        make(counter, limit, body)
    }

    fn switch(&mut self, depth: usize) -> Stmt {
        let selector = self.expr(2);
        // `continue` would mean the loop around, `break` the switch: only the latter is made here.
        let loops = std::mem::replace(&mut self.loops, 0);
        let sections = (0..3).map(|_| (self.block(depth - 1), self.random.below(3) > 0)).collect();
        self.loops = loops;
        Stmt::Switch(selector, sections)
    }
}

/// A function of two parameters, which are variables 0 and 1.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) body: Vec<Stmt>,
    pub(crate) result: Expr,
    /// Really called; the others become part of their callers.
    pub(crate) is_recursive: bool,
}

/// Three functions; the last one is the main one. In half of the programs some call themselves.
pub(crate) fn functions(seed: u64, lanes: Lanes) -> Vec<Function> {
    let mut made = Vec::new();
    for callable in 0..3 {
        let last = callable == 2;
        let mut maker = Maker {
            random: Random(seed.wrapping_mul(3).wrapping_add(callable as u64)),
            lanes,
            seen: Vec::new(),
            callable,
            visible: (0..VARS).collect(),
            next_counter: VARS,
            loops: 0,
            budget: if last { 40 } else { 8 },
        };
        let depth = if last { 4 } else { 2 };
        let mut body = maker.block(depth);
        if last {
            body.extend(maker.block(depth));
        }
        let is_recursive = callable.is_multiple_of(2) && seed.is_multiple_of(2);
        made.push(Function { body, result: maker.expr(2), is_recursive });
    }
    made
}

impl Expr {
    /// Whether all its variables and counters are among these.
    fn uses_only(&self, visible: &[usize]) -> bool {
        match self {
            Expr::Const(_) | Expr::Thread | Expr::Component(_) | Expr::Constant(_) => true,
            Expr::Var(v) => visible.contains(v),
            Expr::Element(a) | Expr::Memory(_, a) | Expr::Clip(a) | Expr::Lanes(_, a) => a.uses_only(visible),
            Expr::Bin(_, a, b) | Expr::Call(_, a, b) | Expr::Float(a, b) => {
                a.uses_only(visible) && b.uses_only(visible)
            }
            Expr::Choose(a, b, c) => [a, b, c].iter().all(|e| e.uses_only(visible)),
        }
    }
}
