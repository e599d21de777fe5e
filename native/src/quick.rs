//! Hashing and searching where a run's own text is both the question and the haystack.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

const LANES: usize = 4;
const FOLD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash by folded multiplication (as in wyhash). Its seed is set once in a process, so that
/// nobody outside can choose texts that collide.
#[derive(Clone)]
pub struct Quick(u64);

impl Quick {
    fn mix(&mut self, value: u64) {
        let wide = u128::from(self.0 ^ value) * u128::from(FOLD ^ value.rotate_left(32));
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
        self.0 = self.0.wrapping_add(FOLD);
    }

    /// Takes in whole blocks, side by side as each step waits for the one before; returns the rest.
    #[inline(never)]
    fn mix_long<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut lanes: [Quick; LANES] =
            std::array::from_fn(|lane| Quick(self.0 ^ FOLD.rotate_left(8 * lane as u32)));
        let mut blocks = bytes.chunks_exact(LANES * 8);
        for block in &mut blocks {
            for (lane, chunk) in lanes.iter_mut().zip(block.chunks_exact(8)) {
                lane.mix(u64::from_le_bytes(chunk.try_into().expect("eight bytes")));
            }
        }
        lanes.iter().for_each(|lane| self.mix(lane.0));
        blocks.remainder()
    }
}

fn seed() -> u64 {
    use std::hash::BuildHasher;
    use std::sync::OnceLock;
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| std::collections::hash_map::RandomState::new().hash_one(0u8))
}

impl Default for Quick {
    fn default() -> Self {
        Quick(seed())
    }
}

impl Hasher for Quick {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let tail = if bytes.len() < 2 * LANES * 8 { bytes } else { self.mix_long(bytes) };
        let mut chunks = tail.chunks_exact(8);
        for chunk in &mut chunks {
            self.mix(u64::from_le_bytes(chunk.try_into().expect("eight bytes")));
        }
        let rest = chunks.remainder();
        let mut last = [0u8; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ (bytes.len() as u64) << 56);
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }

    fn write_i64(&mut self, value: i64) {
        self.mix(value as u64);
    }

    fn finish(&self) -> u64 {
        let mut last = self.clone();
        last.mix(FOLD);
        last.0
    }
}

type Build = BuildHasherDefault<Quick>;
pub type QuickMap<K, V> = HashMap<K, V, Build>;
pub type QuickSet<K> = HashSet<K, Build>;

/// Returns a text's hash in this process.
pub fn hash_of(text: &str) -> u64 {
    let mut hasher = Quick::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

const GRAM: usize = 4;
const MAX_PROBES: usize = 8;

/// Which four-byte windows occur in a text: what none of holds, it need not be searched for.
pub struct Grams {
    bits: Vec<u64>,
    shift: u32,
}

impl Grams {
    /// Makes one of 2 to the power of `size` bits.
    pub fn new(size: u32) -> Self {
        Grams { bits: vec![0; 1 << (size - 6)], shift: 32 - size }
    }

    fn place(&self, window: &[u8]) -> usize {
        let value = u32::from_le_bytes(window.try_into().expect("four bytes"));
        (value.wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }

    pub fn add(&mut self, text: &str) {
        for window in text.as_bytes().windows(GRAM) {
            let at = self.place(window);
            self.bits[at >> 6] |= 1 << (at & 63);
        }
    }

    /// Tells whether a text may occur; never wrong when it says no.
    pub fn may_hold(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        if bytes.len() < GRAM {
            return true;
        }
        let last = bytes.len() - GRAM;
        let step = (last / MAX_PROBES).max(1);
        (0..=last).step_by(step).chain([last]).all(|from| {
            let at = self.place(&bytes[from..from + GRAM]);
            self.bits[at >> 6] >> (at & 63) & 1 == 1
        })
    }
}

/// Returns where a text first occurs in another one.
pub fn find(text: &str, wanted: &str) -> Option<usize> {
    find_bytes(text.as_bytes(), wanted.as_bytes())
}

/// Returns where some bytes first occur in others.
pub fn find_bytes(hay: &[u8], needle: &[u8]) -> Option<usize> {
    if needle.is_empty() || needle.len() > hay.len() {
        return None;
    }
    #[cfg(unix)]
    {
        extern "C" {
            fn memmem(
                hay: *const u8,
                hay_len: usize,
                needle: *const u8,
                needle_len: usize,
            ) -> *const u8;
        }
        // SAFETY: both ranges are live slices; memmem only reads them.
        let at = unsafe { memmem(hay.as_ptr(), hay.len(), needle.as_ptr(), needle.len()) };
        (!at.is_null()).then(|| at as usize - hay.as_ptr() as usize)
    }
    #[cfg(not(unix))]
    hay.windows(needle.len()).position(|window| window == needle)
}
