//! Which of many stems occur in a text (A. Aho, M. Corasick, "Efficient string matching", 1975).

use std::collections::{HashMap, VecDeque};

const NONE: u32 = u32::MAX;

pub struct Signs {
    /// For each state, the next one by byte.
    next: Vec<[u32; 256]>,
    /// For each state, the stems that end there.
    ends: Vec<Vec<u32>>,
}

impl Signs {
    pub fn new(stems: &[&str]) -> Self {
        let mut next = vec![[NONE; 256]];
        let mut ends: Vec<Vec<u32>> = vec![Vec::new()];
        for (number, stem) in stems.iter().enumerate() {
            let mut state = 0usize;
            for byte in stem.bytes() {
                if next[state][byte as usize] == NONE {
                    next[state][byte as usize] = next.len() as u32;
                    next.push([NONE; 256]);
                    ends.push(Vec::new());
                }
                state = next[state][byte as usize] as usize;
            }
            ends[state].push(number as u32);
        }
        let mut fallback: HashMap<usize, usize> = HashMap::new();
        let mut queue = VecDeque::new();
        for byte in 0..256 {
            match next[0][byte] {
                NONE => next[0][byte] = 0,
                state => {
                    fallback.insert(state as usize, 0);
                    queue.push_back(state as usize);
                }
            }
        }
        while let Some(state) = queue.pop_front() {
            let back = fallback[&state];
            let inherited = ends[back].clone();
            ends[state].extend(inherited);
            for byte in 0..256 {
                match next[state][byte] {
                    NONE => next[state][byte] = next[back][byte],
                    child => {
                        fallback.insert(child as usize, next[back][byte] as usize);
                        queue.push_back(child as usize);
                    }
                }
            }
        }
        Signs { next, ends }
    }

    /// Returns the numbers of the stems that occur in a lower-case text, ascending.
    pub fn of(&self, text: &str) -> Vec<u32> {
        let mut found = Vec::new();
        let mut state = 0usize;
        for byte in text.bytes() {
            state = self.next[state][byte as usize] as usize;
            if !self.ends[state].is_empty() {
                found.extend_from_slice(&self.ends[state]);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
