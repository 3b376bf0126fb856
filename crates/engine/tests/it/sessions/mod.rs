//! A persistent engine is a session: what a program leaves in its interpreter, the next one finds.

mod bash;
mod calls;
mod each;
mod javascript;
mod languages;
mod python;
mod support;
