import Foundation

/// Runs a test that blocks on a thread of its own.
///
/// Swift's cooperative pool has as many threads as the machine has cores: a few blocking tests would hold up all others.
package final class OwnThread: TaskExecutor {
    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread.detachNewThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    /// Calls `body` on a new thread, as a part of the calling task: expectations know their test.
    package static func run<R: Sendable>(_ body: @Sendable () throws -> R) async throws -> R {
        try await TestSlots.withSlot {
            try await withTaskExecutorPreference(OwnThread()) { try await Self.call(body) }
        }
    }

    @concurrent
    private static func call<R: Sendable>(_ body: @Sendable () throws -> R) async throws -> R { try body() }
}
