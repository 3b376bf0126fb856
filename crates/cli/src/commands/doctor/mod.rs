//! `doctor`: what isol8 needs, what of it is there, and how to mend the rest.

mod check;
mod checks;
mod command;
mod facts;
mod image_checks;
mod image_facts;
mod local_checks;
mod local_facts;
mod machine_checks;

pub(crate) use command::run;
