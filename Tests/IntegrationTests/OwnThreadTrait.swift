import TestSupport
import Testing

/// Runs each test of a suite on a thread of its own: they block, and the cooperative pool has few threads.
struct OwnThreadTrait: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await TestSlots.withSlot { try await withTaskExecutorPreference(OwnThread()) { try await function() } }
    }
}

extension Trait where Self == OwnThreadTrait {
    static var ownThread: OwnThreadTrait { OwnThreadTrait() }
}
