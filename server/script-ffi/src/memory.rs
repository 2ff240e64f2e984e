//! The engine's memory: counted and limited, with a record of whether it ever ran out, and in two parts.
//!
//! The first part is the region: what is allocated until [`Heap::seal`] lies there, each block behind the one before.
//! Afterwards its bytes can be copied and put back, which gives the engine the state that it had then. What is allocated
//! later comes from the program's allocator, and all of it can be freed at once.
//!
//! The engine reports to a script that memory ran out by throwing, and a script may catch that, or throw the same
//! itself. A runtime that ran out of memory once must not be trusted again, so it is recorded here, where a script
//! cannot forge it.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::cell::Cell;
use std::fmt;
use std::ptr::{self, NonNull, null_mut};
use std::rc::Rc;

use rquickjs::allocator::Allocator;

/// The alignment of every block: that of the engine's largest scalar.
const ALIGN: usize = align_of::<Head>();
/// The bytes of the head before a block.
const HEAD: usize = size_of::<Head>();

/// What lies before a block.
#[repr(C)]
struct Head {
    /// The blocks before and after it in the list of those outside of the region.
    before: *mut Head,
    after: *mut Head,
    /// The size including the head.
    whole: usize,
}

/// The account of a heap: what is left, and whether memory was refused. Clones are the same account.
#[derive(Debug, Clone, Default)]
pub struct MemoryAccount(Rc<Account>);

#[derive(Debug, Default)]
struct Account {
    left: Cell<usize>,
    refused: Cell<bool>,
}

impl MemoryAccount {
    /// Returns whether memory was refused.
    pub fn was_refused(&self) -> bool {
        self.0.refused.get()
    }

    /// Adds bytes to what may be allocated.
    pub fn grant(&self, bytes: usize) {
        self.0.left.set(self.0.left.get().saturating_add(bytes));
    }
}

/// The region of a heap as it was at some time.
pub(crate) struct Copied {
    bytes: Box<[u8]>,
    live: usize,
}

/// The memory of one runtime. Its region is never freed: it lasts as long as the process, as the runtime does.
pub(crate) struct Heap {
    account: MemoryAccount,
    region: NonNull<u8>,
    capacity: usize,
    /// The bytes of the region that are in use, from its start.
    used: Cell<usize>,
    /// The bytes of the blocks in the region that are live.
    live: Cell<usize>,
    sealed: Cell<bool>,
    /// The newest block outside of the region.
    newest: Cell<*mut Head>,
}

impl Heap {
    /// Creates a heap with a region of `capacity` bytes, or nothing where there is no memory for it.
    pub(crate) fn new(capacity: usize) -> Option<Rc<Self>> {
        let layout = Layout::from_size_align(capacity, ALIGN).ok().filter(|layout| layout.size() > 0)?;
        // SAFETY: the layout's size is not zero.
        let region = NonNull::new(unsafe { alloc(layout) })?;
        Some(Rc::new(Self {
            account: MemoryAccount::default(),
            region,
            capacity,
            used: Cell::new(0),
            live: Cell::new(0),
            sealed: Cell::new(false),
            newest: Cell::new(null_mut()),
        }))
    }

    pub(crate) fn account(&self) -> &MemoryAccount {
        &self.account
    }

    /// Lets blocks be allocated in the region again, behind what is in it.
    pub(crate) fn open(&self) {
        self.sealed.set(false);
        self.account.0.refused.set(false);
        self.account.0.left.set(self.capacity);
    }

    /// Ends the region.
    pub(crate) fn seal(&self) {
        self.sealed.set(true);
    }

    /// Starts a new account. Returns false if the limit has no room even for the region.
    pub(crate) fn open_account(&self, limit: usize) -> bool {
        self.account.0.refused.set(false);
        let left = limit.checked_sub(self.live.get());
        self.account.0.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Copies the region.
    pub(crate) fn copy(&self) -> Copied {
        // SAFETY: all of these bytes were written when they were allocated, and no reference to them outlives this call.
        let bytes = unsafe { std::slice::from_raw_parts(self.region.as_ptr(), self.used.get()) };
        Copied { bytes: bytes.into(), live: self.live.get() }
    }

    /// Frees all that is outside of the region, and puts back what the region held.
    ///
    /// # Safety
    /// `copied` is what [`Heap::copy`] of this heap returned, and nothing refers to a block that is freed by this, or was
    /// not there when the region was copied, except such blocks.
    pub(crate) unsafe fn restore(&self, copied: &Copied) {
        while let Some(block) = NonNull::new(self.newest.get()) {
            // SAFETY: the list holds live blocks outside of the region, each once.
            unsafe { self.free_outside(block.as_ptr()) };
        }
        let Copied { bytes, live } = copied;
        // SAFETY: the region has at least the bytes that were copied from it, and the copy lies elsewhere.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.region.as_ptr(), bytes.len()) };
        self.used.set(bytes.len());
        self.live.set(*live);
    }

    /// Allocates a block, outside of the region with the allocator's own function.
    fn take(&self, size: usize, allocate: unsafe fn(Layout) -> *mut u8) -> *mut u8 {
        let left = self.account.0.left.get();
        let taken = whole_size(size).filter(|whole| *whole <= left).and_then(|whole| {
            let is_sealed = self.sealed.get();
            let head = if is_sealed { self.take_outside(whole, allocate) } else { self.take_inside(whole) }?;
            self.account.0.left.set(left - whole);
            Some(head)
        });
        // SAFETY: the block is behind its head, in the same allocation or just at its end.
        taken.map_or_else(|| self.refuse(), |head| unsafe { head.as_ptr().add(1).cast() })
    }

    fn refuse(&self) -> *mut u8 {
        self.account.0.refused.set(true);
        null_mut()
    }

    fn take_inside(&self, whole: usize) -> Option<NonNull<Head>> {
        let start = self.used.get();
        if whole > self.capacity - start {
            return None;
        }
        // SAFETY: the region has `whole` bytes from here on.
        let block = unsafe { self.region.add(start) };
        // SAFETY: as above.
        unsafe { block.write_bytes(0, whole) };
        let head = block.cast::<Head>();
        // SAFETY: the place is aligned, as all sizes before it are multiples of ALIGN, and large enough.
        unsafe { head.write(Head { before: null_mut(), after: null_mut(), whole }) };
        self.used.set(start + whole);
        self.live.set(self.live.get() + whole);
        Some(head)
    }

    fn take_outside(&self, whole: usize, allocate: unsafe fn(Layout) -> *mut u8) -> Option<NonNull<Head>> {
        let layout = Layout::from_size_align(whole, ALIGN).ok()?;
        // SAFETY: the size is at least that of a head, which is not zero.
        let head = NonNull::new(unsafe { allocate(layout) })?.cast::<Head>();
        let after = self.newest.get();
        // SAFETY: the block is new and holds a head.
        unsafe { head.write(Head { before: null_mut(), after, whole }) };
        // SAFETY: the list holds live blocks.
        unsafe { after.as_mut() }.into_iter().for_each(|after| after.before = head.as_ptr());
        self.newest.set(head.as_ptr());
        Some(head)
    }

    fn is_inside(&self, head: *mut Head) -> bool {
        head.addr().wrapping_sub(self.region.as_ptr().addr()) < self.capacity
    }

    /// # Safety
    /// The head is that of a live block of this heap.
    unsafe fn free(&self, head: *mut Head) {
        // SAFETY: the caller hands in a live block.
        let whole = unsafe { (*head).whole };
        let left = &self.account.0.left;
        left.set(left.get().saturating_add(whole));
        if !self.is_inside(head) {
            // SAFETY: as above, and it is not in the region.
            unsafe { self.free_outside(head) };
        } else if !self.sealed.get() {
            self.live.set(self.live.get() - whole);
            let start = head.addr() - self.region.as_ptr().addr();
            // The last block makes room for others; the place of any other one stays empty.
            if start + whole == self.used.get() {
                self.used.set(start);
            }
        }
    }

    /// Gives a block outside of the region another size, if the limit has room for it.
    ///
    /// # Safety
    /// The head is that of a live block of this heap which is not in the region.
    unsafe fn resize_outside(&self, head: *mut Head, size: usize) -> *mut u8 {
        let Head { before, after, whole } = self.neighbours(head);
        let room = self.account.0.left.get().saturating_add(whole);
        let Some(new) = whole_size(size).filter(|new| *new <= room) else { return self.refuse() };
        // SAFETY: this is the size with which the block was allocated, and ALIGN is a power of two.
        let layout = unsafe { Layout::from_size_align_unchecked(whole, ALIGN) };
        // SAFETY: the block came from the program's allocator with this layout; the new size is not zero, and valid with
        // this alignment, as it is a multiple of it below the limit.
        let moved = unsafe { realloc(head.cast(), layout, new) }.cast::<Head>();
        if moved.is_null() {
            return self.refuse();
        }
        self.account.0.left.set(room - new);
        // SAFETY: the block is live and holds a head.
        unsafe { (*moved).whole = new };
        self.link(before, moved);
        // SAFETY: the neighbours of a live block are live.
        unsafe { after.as_mut() }.into_iter().for_each(|after| after.before = moved);
        // SAFETY: the block is behind its head, in the same allocation or just at its end.
        unsafe { moved.add(1).cast() }
    }

    /// Reads the head of a live block outside of the region. The process ends if the list does not hold it: a script that found a way
    /// to write beyond its blocks must not choose what is written and freed here.
    fn neighbours(&self, head: *mut Head) -> Head {
        // SAFETY: whoever calls this has a live block.
        let own = unsafe { head.read() };
        // SAFETY: the list holds live blocks.
        let leads_here = unsafe { own.before.as_ref() }.map_or(self.newest.get(), |before| before.after);
        // SAFETY: as above.
        let leads_back = unsafe { own.after.as_ref() }.map_or(head, |after| after.before);
        if leads_here != head || leads_back != head {
            std::process::abort();
        }
        own
    }

    /// Sets what comes after a block in the list, or is its start.
    fn link(&self, before: *mut Head, after: *mut Head) {
        // SAFETY: whoever calls this has `before` from the list, which holds live blocks.
        match unsafe { before.as_mut() } {
            Some(before) => before.after = after,
            None => self.newest.set(after),
        }
    }

    /// # Safety
    /// The head is that of a live block of this heap which is not in the region.
    unsafe fn free_outside(&self, head: *mut Head) {
        let Head { before, after, whole } = self.neighbours(head);
        self.link(before, after);
        // SAFETY: the neighbours of a live block are live.
        unsafe { after.as_mut() }.into_iter().for_each(|after| after.before = before);
        // SAFETY: this is the size with which the block was allocated, and ALIGN is a power of two.
        let layout = unsafe { Layout::from_size_align_unchecked(whole, ALIGN) };
        // SAFETY: the block came from the program's allocator with this layout, and the caller is done with it.
        unsafe { dealloc(head.cast(), layout) }
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("used", &self.used).field("account", &self.account).finish_non_exhaustive()
    }
}

/// Returns the size of a block with its head.
fn whole_size(size: usize) -> Option<usize> {
    size.checked_add(HEAD)?.checked_next_multiple_of(ALIGN).filter(|whole| isize::try_from(*whole).is_ok())
}

/// A heap as the engine uses it.
#[derive(Debug)]
pub(crate) struct Memory(pub(crate) Rc<Heap>);

/// Returns the head of a block.
///
/// # Safety
/// The block is a live one of a heap.
unsafe fn head(block: *mut u8) -> *mut Head {
    // SAFETY: the head lies before the block, in the same allocation.
    unsafe { block.cast::<Head>().sub(1) }
}

// SAFETY: blocks have at least the requested size, aligned to ALIGN; a block that cannot be allocated is null;
// `usable_size` returns the requested size, rounded up.
unsafe impl Allocator for Memory {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.0.take(size, alloc)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        // A size that is none is refused like one that is too large. What lies in the region is zero anyway.
        self.0.take(count.saturating_mul(size), alloc_zeroed)
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        // SAFETY: the caller hands in a block of this allocator.
        let head = unsafe { head(block) };
        // SAFETY: as above, and it is done with it.
        unsafe { self.0.free(head) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, size: usize) -> *mut u8 {
        if block.is_null() {
            return self.alloc(size);
        }
        // SAFETY: the caller hands in a block of this allocator.
        let start = unsafe { head(block) };
        if !self.0.is_inside(start) {
            // SAFETY: as above, and it is not in the region.
            return unsafe { self.0.resize_outside(start, size) };
        }
        let moved = self.alloc(size);
        if moved.is_null() {
            return moved;
        }
        // SAFETY: the caller hands in a block of this allocator.
        let before = unsafe { Self::usable_size(block) };
        // SAFETY: both blocks are live, apart, and have this many bytes.
        unsafe { ptr::copy_nonoverlapping(block, moved, before.min(size)) };
        // SAFETY: the caller is done with the block.
        unsafe { self.dealloc(block) };
        moved
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        // SAFETY: the caller hands in a block of this allocator.
        let head = unsafe { head(block) };
        // SAFETY: its head is there.
        unsafe { (*head).whole - HEAD }
    }
}
