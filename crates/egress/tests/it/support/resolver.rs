//! A resolver that follows a script.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use isol8_egress::{LookupTurn, Resolver};

/// Answers each name from its script, one answer per call. The last answer is repeated. A name without
/// a script does not resolve. Records every lookup.
#[derive(Default)]
pub(crate) struct Scripted {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    pub(crate) fn new(script: &[(&str, &[&str])]) -> Arc<Self> {
        let scripted = Self::default();
        for (name, answers) in script {
            let answers = answers
                .iter()
                .map(|list| list.split(' ').map(|ip| ip.parse().unwrap()).collect())
                .collect();
            scripted
                .answers
                .lock()
                .unwrap()
                .insert((*name).to_owned(), answers);
        }
        Arc::new(scripted)
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolver for Scripted {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        _turn: LookupTurn,
    ) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.get_mut(host) {
            Some(list) if list.len() > 1 => Ok(list.remove(0)),
            Some(list) => Ok(list[0].clone()),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        Box::pin(std::future::ready(answer))
    }
}
