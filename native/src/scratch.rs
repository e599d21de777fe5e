//! Memory for what is needed only while one run is read: it is taken from the front of one region
//! and given back as a whole. Reading a run makes thousands of small lists and texts, and all of them
//! go at once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Enough for nearly all runs; what does not fit comes from the system.
const REGION_BYTES: usize = 4 << 20;
const ALIGN_BYTES: usize = 16;

/// The region, made once; never given back, so that what lies in it can be told by its address.
static REGION: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Where the next piece starts, beyond the end while this thread does not use the region.
    static NEXT: Cell<usize> = const { Cell::new(usize::MAX) };
    /// Since `used` began on this thread, all that it asked for had room in the region.
    static HAS_ROOM: Cell<bool> = const { Cell::new(false) };
}

pub struct Scratch;

fn is_scratch(piece: *mut u8) -> bool {
    (piece as usize).wrapping_sub(REGION.load(Ordering::Relaxed) as usize) < REGION_BYTES
}

/// Returns a piece of the region, null where it has no room or is not used.
fn piece(layout: Layout) -> *mut u8 {
    NEXT.with(|next| {
        let from = next.get();
        if from == usize::MAX {
            return null_mut();
        }
        let size = (layout.size() + ALIGN_BYTES - 1) & !(ALIGN_BYTES - 1);
        if layout.align() > ALIGN_BYTES || size > REGION_BYTES - from {
            HAS_ROOM.set(false);
            return null_mut();
        }
        next.set(from + size);
        // SAFETY: `from + size` is within the region, which is there when `next` is a place in it.
        unsafe { REGION.load(Ordering::Relaxed).add(from) }
    })
}

// SAFETY: a piece belongs to one owner until `used` ends, or comes from the system allocator; which
// of the two is told by its address.
unsafe impl GlobalAlloc for Scratch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let found = piece(layout);
        if found.is_null() { unsafe { System.alloc(layout) } } else { found }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let found = piece(layout);
        if found.is_null() {
            return unsafe { System.alloc_zeroed(layout) };
        }
        unsafe { found.write_bytes(0, layout.size()) };
        found
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        if !is_scratch(old) {
            unsafe { System.dealloc(old, layout) };
        }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_scratch(old) {
            return unsafe { System.realloc(old, layout, size) };
        }
        let room = (layout.size() + ALIGN_BYTES - 1) & !(ALIGN_BYTES - 1);
        if size <= room || grown(old, room, size) {
            return old;
        }
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            unsafe { new.copy_from_nonoverlapping(old, layout.size()) };
        }
        new
    }
}

/// Grows the piece that was taken last where it lies; tells whether it is that one and there is room.
fn grown(old: *mut u8, room: usize, size: usize) -> bool {
    NEXT.with(|next| {
        let from = old as usize - REGION.load(Ordering::Relaxed) as usize;
        let size = (size + ALIGN_BYTES - 1) & !(ALIGN_BYTES - 1);
        let is_last = next.get() != usize::MAX && from + room == next.get();
        if !is_last || size > REGION_BYTES - from {
            return false;
        }
        next.set(from + size);
        true
    })
}

/// Does something whose memory, all of it, is given back when it is done: nothing that it makes may
/// outlive it, but for what is made within `kept`. Returns `None` where it panicked. One thread at a
/// time has the region.
pub fn used<T: Copy>(work: impl FnOnce() -> T) -> Option<T> {
    let is_ours = !IS_TAKEN.swap(true, Ordering::Acquire) && is_there();
    NEXT.set(if is_ours { 0 } else { usize::MAX });
    HAS_ROOM.set(is_ours);
    let done = catch_unwind(AssertUnwindSafe(work));
    HAS_ROOM.set(false);
    NEXT.set(usize::MAX);
    // What a panic made may be kept by others: then the region is left as it is for good.
    if is_ours && done.is_ok() {
        IS_TAKEN.store(false, Ordering::Release);
    }
    done.ok()
}

/// Makes the region when it is first asked for; tells whether there is one.
fn is_there() -> bool {
    if REGION.load(Ordering::Relaxed).is_null() {
        let layout = Layout::from_size_align(REGION_BYTES, ALIGN_BYTES).expect("a power of two");
        // SAFETY: the layout has a size.
        REGION.store(unsafe { System.alloc(layout) }, Ordering::Relaxed);
    }
    !REGION.load(Ordering::Relaxed).is_null()
}

/// Lets go of what was made outside of `kept`. To take a tree of values apart piece by piece costs time
/// and gives nothing back where all of them lie in the region; where one may not, it has to be done.
pub fn leave<T>(value: T) {
    if HAS_ROOM.get() {
        std::mem::forget(value);
    }
}

/// Tells whether all that was made, outside of `kept`, lies in the region.
pub fn has_room() -> bool {
    HAS_ROOM.get()
}

/// Does something whose memory may be kept.
pub fn kept<T>(work: impl FnOnce() -> T) -> T {
    let before = NEXT.replace(usize::MAX);
    let done = work();
    NEXT.set(before);
    done
}
