import Glibc

/// The steps that `schedule` was given, from any thread, for the one thread that drains them.
// @unchecked Sendable: the steps are touched under the mutex alone; the pointers are constant.
final class StepQueue: @unchecked Sendable {
    typealias Function = @convention(c) (UnsafeMutableRawPointer?) -> Void

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var steps: [(function: Function, argument: UnsafeMutableRawPointer?)] = []

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

    func add(_ function: @escaping Function, _ argument: UnsafeMutableRawPointer?) {
        pthread_mutex_lock(self.mutex)
        self.steps.append((function, argument))
        pthread_cond_signal(self.arrived)
        pthread_mutex_unlock(self.mutex)
    }

    /// Runs what is there, on this thread, until nothing is left.
    func runAll() {
        while let step = self.take(waitSeconds: 0) { step.function(step.argument) }
    }

    /// Runs steps until `isDone`; false if nothing arrived for ten seconds.
    func run(until isDone: () -> Bool) -> Bool {
        while !isDone() {
            guard let step = self.take(waitSeconds: 10) else { return false }
            step.function(step.argument)
        }
        return true
    }

    private func take(waitSeconds: Int) -> (function: Function, argument: UnsafeMutableRawPointer?)? {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += waitSeconds
        while self.steps.isEmpty {
            guard waitSeconds > 0, pthread_cond_timedwait(self.arrived, self.mutex, &deadline) == 0 else { return nil }
        }
        return self.steps.removeFirst()
    }
}
