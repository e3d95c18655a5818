import Glibc

// @unchecked Sendable: the items are touched under the mutex alone; the pointers are constant.
/// What a worker's thread is to do next: filled from any thread, emptied by that one.
final class Mailbox: @unchecked Sendable {
    enum Item {
        /// A step of an `async` handler's task, as the plugin gave it to `schedule`.
        case step(@convention(c) (UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer?)
        /// Something that the tester wants.
        case order(@Sendable (TestWorker) -> Void)
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var items: [Item] = []

    init() {
        pthread_mutex_init(self.mutex, nil)
        pthread_cond_init(self.arrived, nil)
    }

    deinit {
        pthread_cond_destroy(self.arrived)
        pthread_mutex_destroy(self.mutex)
        self.arrived.deallocate()
        self.mutex.deallocate()
    }

    func add(_ item: Item) {
        pthread_mutex_lock(self.mutex)
        self.items.append(item)
        pthread_cond_signal(self.arrived)
        pthread_mutex_unlock(self.mutex)
    }

    /// All items that there are, the oldest first; with `waits`, at least one.
    func takeAll(waits: Bool) -> [Item] {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        while waits, self.items.isEmpty { pthread_cond_wait(self.arrived, self.mutex) }
        defer { self.items.removeAll(keepingCapacity: true) }
        return self.items
    }
}
