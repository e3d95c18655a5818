import Glibc

/// State behind a pthread mutex with one condition: the only lock of the client.
///
/// Not `Synchronization.Mutex`: that one has no condition to wait on, and the thread sanitizer does not see it.
///
/// Why: record 2, pthread locks.
// @unchecked Sendable: every access to `state` is made with the mutex held.
package final class Monitor<State: ~Copyable>: @unchecked Sendable {
    // Heap cells of their own, because a pthread object must not move.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // Beside them, because the mutex already keeps accesses apart: a stored property would be watched for that at run time.
    private let state = UnsafeMutablePointer<State>.allocate(capacity: 1)

    #if DEBUG
        private let level: LockLevel
    #endif

    /// Makes one that nobody holds.
    ///
    /// - Parameters:
    ///   - state: What it guards.
    ///   - level: Where it stands in the order of locks; debug builds hold it to that.
    package init(_ state: consuming State, level: LockLevel = .innermost) {
        #if DEBUG
            self.level = level
        #endif
        self.state.initialize(to: state)
        pthread_mutex_init(self.mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(self.condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        pthread_mutex_destroy(self.mutex)
        self.state.deinitialize(count: 1)
        self.state.deallocate()
        self.condition.deallocate()
        self.mutex.deallocate()
    }

    /// Runs `body` with the lock held.
    ///
    /// Never wait for the wire or a handler inside; which lock may be taken inside which one, HowItWorks.md says.
    @inline(__always)
    package func withLock<R: ~Copyable, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        self.lock()
        defer { self.unlock() }
        return try body(&self.state.pointee)
    }

    @inline(__always)
    private func lock(mayWait: Bool = false) {
        #if DEBUG
            LockOrder.enter(self.level, mayWait: mayWait)
            if let world = CurrentWorld.world { return world.lock(self.mutex) }
        #endif
        pthread_mutex_lock(self.mutex)
    }

    @inline(__always)
    private func unlock() {
        #if DEBUG
            defer { LockOrder.leave() }
            if let world = CurrentWorld.world { return world.unlock(self.mutex) }
        #endif
        pthread_mutex_unlock(self.mutex)
    }

    /// Wakes one waiter.
    ///
    /// Call it after the lock is released, so that the waiter does not run into it.
    package func signal() {
        #if DEBUG
            if let world = CurrentWorld.world { return world.wake(self.mutex, all: false) }
        #endif
        pthread_cond_signal(self.condition)
    }

    /// Wakes every waiter.
    package func broadcast() {
        #if DEBUG
            if let world = CurrentWorld.world { return world.wake(self.mutex, all: true) }
        #endif
        pthread_cond_broadcast(self.condition)
    }

    /// Runs `body` under the lock until it gives a value, sleeping between tries until ``signal()`` or the deadline.
    ///
    /// - Parameters:
    ///   - deadline: In nanoseconds of ``MonotonicClock``; nil waits without end.
    ///   - body: Looks at the state; nil is "not yet".
    /// - Returns: What `body` gave, or nil when the deadline passed first.
    /// - Throws: What `body` throws.
    package func wait<R, E: Error>(
        until deadline: UInt64?,
        _ body: (inout State) throws(E) -> R?
    ) throws(E) -> R? {
        self.lock(mayWait: true)
        defer { self.unlock() }
        while true {
            if let value = try body(&self.state.pointee) { return value }
            if let deadline, MonotonicClock.now() >= deadline { return nil }
            self.sleep(until: deadline)
        }
    }

    private func sleep(until deadline: UInt64?) {
        #if DEBUG
            if let world = CurrentWorld.world { return world.sleep(self.mutex, until: deadline) }
        #endif
        guard let deadline else {
            pthread_cond_wait(self.condition, self.mutex)
            return
        }
        var time = timespec(
            tv_sec: Int(deadline / 1_000_000_000),
            tv_nsec: Int(deadline % 1_000_000_000)
        )
        pthread_cond_timedwait(self.condition, self.mutex, &time)
    }
}

// Reflection (`dump`, a failed `#expect`) would read the state without the lock, and end the process over a value that
// can not be copied.
extension Monitor: CustomReflectable where State: ~Copyable {
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
