import CMillraceABI

/// Runs a task's steps on the thread of one worker, between its deliveries.
// @unchecked Sendable: `schedule` may be called from any thread (millrace_abi.h), the rest is immutable.
final class WorkerExecutor: TaskExecutor, @unchecked Sendable {
    private let host: UnsafePointer<millrace_host>
    private let worker: OpaquePointer?

    init(host: UnsafePointer<millrace_host>, worker: OpaquePointer?) {
        self.host = host
        self.worker = worker
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let step = Unmanaged.passRetained(Step(UnownedJob(job), self)).toOpaque()
        self.host.pointee.schedule(
            self.worker,
            { argument in
                guard let argument else { return }
                let step = Unmanaged<Step>.fromOpaque(argument).takeRetainedValue()
                step.job.runSynchronously(on: step.executor.asUnownedTaskExecutor())
            },
            step
        )
    }

    private final class Step {
        let job: UnownedJob
        let executor: WorkerExecutor

        init(_ job: UnownedJob, _ executor: WorkerExecutor) {
            self.job = job
            self.executor = executor
        }
    }
}
