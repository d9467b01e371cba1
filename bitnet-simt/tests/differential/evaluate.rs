//! A plain evaluator, thread by thread: it knows nothing of lanes, masks or registers.

use crate::program::{Expr, Function, MAX_TRIPS, Stmt, VARS};

enum Flow {
    Next,
    Break,
    Continue,
    Return(i32),
}

/// What a thread's calls share.
pub(crate) struct World<'f> {
    pub(crate) functions: &'f [Function],
    pub(crate) tid: i32,
    pub(crate) constants: [i32; 2],
    /// The thread's part of device memory.
    pub(crate) memory: [i32; 8],
}

struct Thread<'w, 'f> {
    world: &'w mut World<'f>,
    vars: Vec<i32>,
    vector: [i32; 4],
    array: [i32; 4],
}

/// Calls a function.
pub(crate) fn call(world: &mut World<'_>, index: usize, a: i32, b: i32) -> i32 {
    let functions = world.functions;
    let tid = world.tid;
    let mut vars = vec![0; 200];
    vars[..VARS].copy_from_slice(&[a, b, 2, tid.wrapping_mul(3), 0]);
    if functions[index].is_recursive && a > 20 {
        return call(world, index, a / 2, b).wrapping_add(b);
    }
    let mut thread = Thread { world, vars, vector: [a, b, tid, 7], array: [1, a, b, tid] };
    match thread.block(&functions[index].body) {
        Flow::Return(value) => value,
        _ => {
            let result = thread.eval(&functions[index].result);
            let rest = [thread.vars[2], thread.vars[3], thread.vars[4], thread.vector[0], thread.vector[3]];
            rest.iter().fold(result, |sum, &x| sum.wrapping_add(x))
        }
    }
}

/// `clip` of the programs.
fn clip(x: i32) -> i32 {
    match x {
        ..-40 => -40,
        41.. => 41,
        _ => x,
    }
}

impl Thread<'_, '_> {
    fn eval(&mut self, expr: &Expr) -> i32 {
        match expr {
            Expr::Const(n) => *n,
            Expr::Thread => self.world.tid,
            Expr::Var(v) => self.vars[*v],
            Expr::Component(c) => self.vector[*c],
            Expr::Element(i) => self.array[(self.eval(i) & 3) as usize],
            Expr::Bin(op, a, b) => op.apply(self.eval(a), self.eval(b)),
            Expr::Choose(c, a, b) => {
                let chosen = if self.eval(c) != 0 { a } else { b };
                self.eval(chosen)
            }
            Expr::Call(f, a, b) => {
                let (a, b) = (self.eval(a), self.eval(b));
                call(self.world, *f, a, b)
            }
            Expr::Memory(_, i) => {
                let index = (self.eval(i) & 7) as usize;
                self.world.memory[index]
            }
            Expr::Constant(member) => self.world.constants[*member],
            Expr::Float(a, b) => (self.eval(a) as f32 * 1.5 - self.eval(b) as f32) as i32,
            Expr::Clip(a) => clip(self.eval(a)),
            Expr::Lanes(..) => unreachable!("programs of threads apart have no functions over lanes"),
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
            Stmt::SetMemory(_, i, e) => {
                let index = (self.eval(i) & 7) as usize;
                self.world.memory[index] = self.eval(e);
            }
            Stmt::Bump(v, e) => {
                let y = self.eval(e);
                let x = self.vars[*v];
                self.vars[*v] = if y > 3 { x.wrapping_add(y) } else { x ^ y };
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
