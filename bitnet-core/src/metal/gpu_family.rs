//! GPU families: what Metal calls the sets of features that GPUs share.

/// A family of GPUs: `MTLGPUFamily`. A GPU supports all that the families it belongs to promise; a family
/// of a higher number includes those of lower numbers of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MTLGPUFamily {
    /// A7
    Apple1,
    /// A8
    Apple2,
    /// A9, A10
    Apple3,
    /// A11: threadgroups of different sizes in one grid.
    Apple4,
    /// A12
    Apple5,
    /// A13
    Apple6,
    /// A14, M1: reductions over a simdgroup.
    Apple7,
    /// A15, A16, M2
    Apple8,
    /// A17 Pro, M3, M4
    Apple9,
    /// A19, M5
    Apple10,
    /// GPUs of Macs with Intel processors.
    Mac2,
    /// What all have in common.
    Common1,
    /// What most have in common.
    Common2,
    /// What new ones have in common.
    Common3,
    /// GPUs that support Metal 3.
    Metal3,
    /// GPUs that support Metal 4.
    Metal4,
}

impl MTLGPUFamily {
    /// Every family, with the number that Metal has for it.
    pub const ALL: [(Self, i64); 16] = [
        (Self::Apple1, 1001),
        (Self::Apple2, 1002),
        (Self::Apple3, 1003),
        (Self::Apple4, 1004),
        (Self::Apple5, 1005),
        (Self::Apple6, 1006),
        (Self::Apple7, 1007),
        (Self::Apple8, 1008),
        (Self::Apple9, 1009),
        (Self::Apple10, 1010),
        (Self::Mac2, 2002),
        (Self::Common1, 3001),
        (Self::Common2, 3002),
        (Self::Common3, 3003),
        (Self::Metal3, 5001),
        (Self::Metal4, 5002),
    ];

    /// Families one of which a GPU has to belong to if threadgroups at the edge of a grid are to be smaller
    /// than others (Metal feature set tables, "Nonuniform threadgroup size").
    pub const NON_UNIFORM_THREADGROUPS: [Self; 3] = [Self::Apple4, Self::Mac2, Self::Metal3];

    /// Families one of which a GPU has to belong to if `simd_sum` and its kin are to be there (Metal feature
    /// set tables, "SIMD-scoped reduction operations").
    pub const SIMDGROUP_REDUCTIONS: [Self; 2] = [Self::Apple7, Self::Mac2];
}
