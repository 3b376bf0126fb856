//! The operations, and what must still be there after each.

use isol8_api::result::SessionReset;

/// The variables of the programs.
pub(super) const NAMES: [&str; 3] = ["first", "second", "third"];

/// Values are smaller than this.
pub(super) const MAX_VALUE: u32 = 1000;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Declares a variable, or declares it again.
    Variable,
    /// Declares a function that returns the value, in the place of whatever has the name.
    Function,
    /// Declares a class that has the value, likewise.
    Class,
    /// Declares a variable and fails.
    Fail,
    /// Declares a variable and fails when the program's text is over: in a timer, a thread or a trap.
    FailLate,
    /// Is no program at all.
    Broken,
    /// Declares a variable and exits.
    Exit,
    /// Exits where nothing can be saved.
    ExitAtOnce,
    /// Kills its own interpreter.
    Kill,
    /// Fails, and leaves behind what would run on.
    FailAndLeave,
    /// Closes the standard streams.
    Close,
    /// Fills `/sandbox`.
    Fill,
    /// Removes what has filled it.
    Empty,
    /// Starts a process and waits for it.
    Fork,
    /// Sets a variable from a thread, a timer or after a wait.
    Later,
    /// Runs for ever, and its caller gives it up.
    Abort,
    /// Runs for ever, up to its time limit.
    Timeout,
}

/// What becomes of the variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    /// The next result gives the reason.
    Lost(SessionReset),
    /// On a busy machine they may be lost, for this reason.
    KeptOrLost(SessionReset),
}

/// One operation with its variable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) operation: Operation,
    pub(super) name: &'static str,
    pub(super) value: u32,
}

impl Operation {
    /// Whether its variable has the new value afterwards.
    pub(super) fn sets(self) -> bool {
        use Operation::{Class, Exit, Fail, FailLate, Function, Later, Variable};
        [Variable, Function, Class, Fail, FailLate, Exit, Later].contains(&self)
    }

    /// How often it comes, compared with others.
    pub(super) fn weight(self) -> u32 {
        match self {
            Self::Variable | Self::Function | Self::Class => 12,
            Self::Abort => 3,
            Self::Timeout => 1,
            _ => 6,
        }
    }
}

/// The operations that a runtime has.
pub(super) fn operations(runtime: &str) -> Vec<Operation> {
    use Operation::{
        Abort, Broken, Class, Close, Empty, Exit, ExitAtOnce, Fail, FailAndLeave, FailLate, Fill,
        Fork, Function, Kill, Later, Timeout, Variable,
    };
    let all = [
        Variable,
        Function,
        Class,
        Fail,
        FailLate,
        Broken,
        Exit,
        ExitAtOnce,
        Kill,
        FailAndLeave,
        Close,
        Fill,
        Empty,
        Fork,
        Later,
        Abort,
        Timeout,
    ];
    let has = |operation: &Operation| match runtime {
        // It may start no process and send no signal.
        "deno" => !matches!(operation, Fork | Kill),
        // What it starts is a process of its own, and its functions have names of their own.
        "bash" => !matches!(operation, Function | Class | FailAndLeave | FailLate),
        "python" => !matches!(operation, FailAndLeave),
        _ => true,
    };
    all.into_iter().filter(has).collect()
}
