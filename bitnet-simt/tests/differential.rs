//! Random programs against a plain evaluator.
//!
//! Each seed makes a kernel with helpers, variables, nested branches, loops with `break` and `continue`,
//! switches, early returns, vectors and arrays. The tests run it twice: as MSL on the executor, and thread
//! by thread with the evaluator below, which knows nothing of lanes, masks or registers.

use std::fmt::Write as _;

use bitnet_msl::diag::RenderStyle;
use bitnet_msl::{CompileOptions, compile};
use bitnet_simt::{FunctionConstants, Grid, Launch, Memory, Program, RunOptions};

/// Threads of the launch: one full simdgroup, and one that is not.
const THREADS: u32 = 45;

/// Iterations of a loop at most.
const MAX_TRIPS: i32 = 5;

/// SplitMix64.
struct Random(u64);

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
enum BinOp {
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
    fn text(self) -> &'static str {
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

    fn apply(self, a: i32, b: i32) -> i32 {
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
enum Expr {
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
}

#[derive(Clone, Debug)]
enum Stmt {
    Assign(usize, Expr),
    SetComponent(usize, Expr),
    /// `v = v.yzwx` or `v.xy = v.yx`
    Rotate(bool),
    SetElement(Expr, Expr),
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
const VARS: usize = 5;

struct Maker {
    random: Random,
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
        let leaf = depth == 0 || self.random.below(4) == 0;
        if leaf {
            return match self.random.below(6) {
                0 => Expr::Const(self.random.below(9) as i32 - 3),
                1 => Expr::Thread,
                2 => Expr::Component(self.random.below(4)),
                _ => Expr::Var(self.visible[self.random.below(self.visible.len())]),
            };
        }
        let mut sub = || Box::new(self.expr(depth - 1));
        let (a, b, c) = (sub(), sub(), sub());
        match self.random.below(9) {
            0 => Expr::Choose(a, b, c),
            1 => Expr::Element(a),
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
struct Function {
    body: Vec<Stmt>,
    result: Expr,
}

/// Recursive functions are really called; the others become part of their callers.
fn is_recursive(index: usize) -> bool {
    index.is_multiple_of(2)
}

fn functions(seed: u64) -> Vec<Function> {
    let mut made = Vec::new();
    for callable in 0..3 {
        let last = callable == 2;
        let mut maker = Maker {
            random: Random(seed.wrapping_mul(3).wrapping_add(callable as u64)),
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
        made.push(Function { body, result: maker.expr(2) });
    }
    made
}

// ---------------------------------------------------------------------------------------------- as MSL

fn expr_text(expr: &Expr) -> String {
    match expr {
        Expr::Const(n) => format!("({n})"),
        Expr::Thread => "tid".into(),
        Expr::Var(v) => format!("v{v}"),
        Expr::Component(c) => format!("vec.{}", ["x", "y", "z", "w"][*c]),
        Expr::Element(i) => format!("arr[{} & 3]", expr_text(i)),
        Expr::Bin(op, a, b) => {
            let text = format!("({} {} {})", expr_text(a), op.text(), expr_text(b));
            if matches!(op, BinOp::Lt | BinOp::Eq) { format!("int{text}") } else { text }
        }
        Expr::Choose(c, a, b) => format!("({} != 0 ? {} : {})", expr_text(c), expr_text(a), expr_text(b)),
        Expr::Call(f, a, b) => format!("f{f}({}, {}, tid)", expr_text(a), expr_text(b)),
    }
}

fn block_text(block: &[Stmt], indent: usize, out: &mut String) {
    for stmt in block {
        stmt_text(stmt, indent, out);
    }
}

fn stmt_text(stmt: &Stmt, indent: usize, out: &mut String) {
    let pad = "  ".repeat(indent);
    let _ = match stmt {
        Stmt::Assign(v, e) => writeln!(out, "{pad}v{v} = {};", expr_text(e)),
        Stmt::SetComponent(c, e) => {
            writeln!(out, "{pad}vec.{} = {};", ["x", "y", "z", "w"][*c], expr_text(e))
        }
        Stmt::Rotate(true) => writeln!(out, "{pad}vec = vec.yzwx;"),
        Stmt::Rotate(false) => writeln!(out, "{pad}vec.xy = vec.yx;"),
        Stmt::SetElement(i, e) => writeln!(out, "{pad}arr[{} & 3] = {};", expr_text(i), expr_text(e)),
        Stmt::If(c, then, other) => {
            let _ = writeln!(out, "{pad}if ({} > 0) {{", expr_text(c));
            block_text(then, indent + 1, out);
            if !other.is_empty() {
                let _ = writeln!(out, "{pad}}} else {{");
                block_text(other, indent + 1, out);
            }
            writeln!(out, "{pad}}}")
        }
        Stmt::For(v, limit, body) => {
            let limit = expr_text(limit);
            let _ = writeln!(out, "{pad}for (int v{v} = 0; v{v} < ({limit} & {MAX_TRIPS}); v{v}++) {{");
            block_text(body, indent + 1, out);
            writeln!(out, "{pad}}}")
        }
        Stmt::DoWhile(v, limit, body) => {
            let _ = writeln!(out, "{pad}int v{v} = 0;\n{pad}do {{");
            let _ = writeln!(out, "{pad}  v{v}++;");
            block_text(body, indent + 1, out);
            writeln!(out, "{pad}}} while (v{v} < ({} & {MAX_TRIPS}));", expr_text(limit))
        }
        Stmt::Switch(selector, sections) => {
            let _ = writeln!(out, "{pad}switch ({} & 3) {{", expr_text(selector));
            for (i, (body, breaks)) in sections.iter().enumerate() {
                let label = if i == 1 { "default".into() } else { format!("case {i}") };
                let _ = writeln!(out, "{pad}{label}: {{");
                block_text(body, indent + 1, out);
                let _ = writeln!(out, "{pad}}}{}", if *breaks { " break;" } else { "" });
            }
            writeln!(out, "{pad}}}")
        }
        Stmt::Break => writeln!(out, "{pad}break;"),
        Stmt::Continue => writeln!(out, "{pad}continue;"),
        Stmt::Return(e) => writeln!(out, "{pad}return {};", expr_text(e)),
    };
}

fn msl(functions: &[Function]) -> String {
    let mut out = String::from("#include <metal_stdlib>\nusing namespace metal;\n");
    for (i, function) in functions.iter().enumerate() {
        let _ = writeln!(out, "int f{i}(int v0, int v1, int tid) {{");
        let _ = writeln!(out, "  int v2 = 2, v3 = tid * 3, v4 = 0;");
        let _ = writeln!(out, "  int4 vec = int4(v0, v1, tid, 7);\n  int arr[4] = {{1, v0, v1, tid}};");
        if is_recursive(i) {
            let _ = writeln!(out, "  if (v0 > 20) return f{i}(v0 / 2, v1, tid) + v1;");
        }
        block_text(&function.body, 1, &mut out);
        let _ = writeln!(out, "  return {} + v2 + v3 + v4 + vec.x + vec.w;\n}}", expr_text(&function.result));
    }
    out.push_str("kernel void k(device int *out [[buffer(0)]], uint i [[thread_position_in_grid]]) {\n");
    out.push_str("  int tid = int(i);\n  out[i] = f2(tid - 3, 11, tid);\n}\n");
    out
}

// ------------------------------------------------------------------------------------- the evaluator

enum Flow {
    Next,
    Break,
    Continue,
    Return(i32),
}

struct Thread<'f> {
    functions: &'f [Function],
    tid: i32,
    vars: Vec<i32>,
    vector: [i32; 4],
    array: [i32; 4],
}

fn call(functions: &[Function], index: usize, a: i32, b: i32, tid: i32) -> i32 {
    let mut vars = vec![0; 200];
    vars[..VARS].copy_from_slice(&[a, b, 2, tid.wrapping_mul(3), 0]);
    let mut thread = Thread { functions, tid, vars, vector: [a, b, tid, 7], array: [1, a, b, tid] };
    if is_recursive(index) && a > 20 {
        return call(functions, index, a / 2, b, tid).wrapping_add(b);
    }
    match thread.block(&functions[index].body) {
        Flow::Return(value) => value,
        _ => {
            let result = thread.eval(&functions[index].result);
            let rest = [thread.vars[2], thread.vars[3], thread.vars[4], thread.vector[0], thread.vector[3]];
            rest.iter().fold(result, |sum, &x| sum.wrapping_add(x))
        }
    }
}

impl Thread<'_> {
    fn eval(&self, expr: &Expr) -> i32 {
        match expr {
            Expr::Const(n) => *n,
            Expr::Thread => self.tid,
            Expr::Var(v) => self.vars[*v],
            Expr::Component(c) => self.vector[*c],
            Expr::Element(i) => self.array[(self.eval(i) & 3) as usize],
            Expr::Bin(op, a, b) => op.apply(self.eval(a), self.eval(b)),
            Expr::Choose(c, a, b) => self.eval(if self.eval(c) != 0 { a } else { b }),
            Expr::Call(f, a, b) => call(self.functions, *f, self.eval(a), self.eval(b), self.tid),
        }
    }

    fn block(&mut self, block: &[Stmt]) -> Flow {
        for stmt in block {
            match self.stmt(stmt) {
                Flow::Next => {}
                flow => return flow,
            }
        }
        Flow::Next
    }

    fn stmt(&mut self, stmt: &Stmt) -> Flow {
        match stmt {
            Stmt::Assign(v, e) => self.vars[*v] = self.eval(e),
            Stmt::SetComponent(c, e) => self.vector[*c] = self.eval(e),
            Stmt::Rotate(true) => self.vector.rotate_left(1),
            Stmt::Rotate(false) => self.vector.swap(0, 1),
            Stmt::SetElement(i, e) => {
                let index = (self.eval(i) & 3) as usize;
                self.array[index] = self.eval(e);
            }
            Stmt::If(c, then, other) => {
                let side = if self.eval(c) > 0 { then } else { other };
                return self.block(side);
            }
            Stmt::For(v, limit, body) => {
                self.vars[*v] = 0;
                while self.vars[*v] < self.eval(limit) & MAX_TRIPS {
                    match self.block(body) {
                        Flow::Break => break,
                        Flow::Return(value) => return Flow::Return(value),
                        Flow::Next | Flow::Continue => {}
                    }
                    self.vars[*v] += 1;
                }
            }
            Stmt::DoWhile(v, limit, body) => {
                self.vars[*v] = 0;
                loop {
                    self.vars[*v] += 1;
                    match self.block(body) {
                        Flow::Break => break,
                        Flow::Return(value) => return Flow::Return(value),
                        Flow::Next | Flow::Continue => {}
                    }
                    if self.vars[*v] >= self.eval(limit) & MAX_TRIPS {
                        break;
                    }
                }
            }
            Stmt::Switch(selector, sections) => return self.switch(selector, sections),
            Stmt::Break => return Flow::Break,
            Stmt::Continue => return Flow::Continue,
            Stmt::Return(e) => return Flow::Return(self.eval(e)),
        }
        Flow::Next
    }

    fn switch(&mut self, selector: &Expr, sections: &[(Vec<Stmt>, bool)]) -> Flow {
        let selector = self.eval(selector) & 3;
        let entry = if selector == 0 || selector == 2 { selector as usize } else { 1 };
        for (body, breaks) in &sections[entry..] {
            match self.block(body) {
                Flow::Next => {}
                Flow::Break => return Flow::Next,
                flow => return flow,
            }
            if *breaks {
                break;
            }
        }
        Flow::Next
    }
}

/// The difference between the executor and the evaluator, if there is one.
fn difference(functions: &[Function]) -> Option<String> {
    let text = msl(functions);
    let compilation = compile("random.metal", &text, &CompileOptions::default());
    let Some(module) = &compilation.module else {
        return Some(format!("does not compile: {}", compilation.render(RenderStyle::Plain)));
    };
    let program = match Program::new(module, "k", &FunctionConstants::new()) {
        Ok(program) => program,
        Err(error) => return Some(error.to_string()),
    };
    let out = Memory::new_zeroed(THREADS as usize * 4);
    let launch = Launch::new(Grid::Threads([THREADS, 1, 1]), [THREADS, 1, 1]).buffer(0, &out);
    let options = RunOptions { max_instructions: Some(1 << 30), ..RunOptions::default() };
    if let Err(trap) = program.run(&launch, &options) {
        return Some(trap.to_string());
    }
    let got = out.to_vec::<i32>();
    let expect: Vec<i32> =
        (0..THREADS as i32).map(|tid| call(functions, 2, tid.wrapping_sub(3), 11, tid)).collect();
    (got != expect).then(|| format!("got {got:?}\nnot {expect:?}\n{}", program.disassemble()))
}

/// Removes the statement with this number, counted through all blocks; false if there are not so many.
fn remove_stmt(block: &mut Vec<Stmt>, number: &mut usize) -> bool {
    for i in 0..block.len() {
        if *number == 0 {
            // What was inside stays, so that a branch that does not matter goes by itself.
            let inside = match &block[i] {
                Stmt::If(_, then, _) if !matches!(then[..], [Stmt::Break | Stmt::Continue]) => then.clone(),
                _ => Vec::new(),
            };
            block.splice(i..=i, inside);
            return true;
        }
        *number -= 1;
        let removed = match &mut block[i] {
            Stmt::If(_, then, other) => remove_stmt(then, number) || remove_stmt(other, number),
            Stmt::For(_, _, body) | Stmt::DoWhile(_, _, body) => remove_stmt(body, number),
            Stmt::Switch(_, sections) => sections.iter_mut().any(|(body, _)| remove_stmt(body, number)),
            _ => false,
        };
        if removed {
            return true;
        }
    }
    false
}

/// Smaller functions that still make a difference.
fn shrink(mut functions: Vec<Function>) -> Vec<Function> {
    let mut progress = true;
    while progress {
        progress = false;
        for index in 0..functions.len() {
            let mut at = 0;
            loop {
                let mut smaller = functions.clone();
                if !remove_stmt(&mut smaller[index].body, &mut at.clone()) {
                    break;
                }
                if difference(&smaller).is_some_and(|text| text.starts_with("got")) {
                    (functions, progress) = (smaller, true);
                } else {
                    at += 1;
                }
            }
        }
    }
    functions
}

fn check(seed: u64) {
    let made = functions(seed);
    if difference(&made).is_some() {
        let small = shrink(made);
        let report = difference(&small).unwrap_or_default();
        panic!("seed {seed}:\n{}\n{report}", msl(&small));
    }
}

#[test]
fn random_programs_do_what_each_thread_alone_would_do() {
    for seed in 0..600 {
        check(seed);
    }
}
