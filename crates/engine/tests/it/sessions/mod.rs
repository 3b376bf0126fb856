//! Sessions: a program finds what the last one left in the interpreter.

mod bash;
mod bash_kinds;
mod calls;
mod crowded;
mod each;
mod interruptions;
mod javascript;
mod languages;
mod memory;
mod python;
mod python_kinds;
mod random;
mod sequences;
mod support;
mod surroundings;
