import AMQPCore
import AMQPWire
import Testing

/// How many channels are opened where a broker allows fewer than it said.
@Suite struct ChannelBudgetTests {
    private static func error(_ text: String) -> AMQPError {
        AMQPError(closeCode: .notAllowed, text: text, classID: 0, methodID: 0, scope: .connection)
    }

    @Test func `what the broker allows, and one less each time that is still too much`() {
        let tooMany = Self.error(
            "NOT_ALLOWED - number of channels opened for user 'a (b)' has reached the maximum allowed user limit of (3)"
        )
        var budget = ChannelBudget()
        budget.connectionEnded(Self.error("NOT_ALLOWED - no (7)"))
        #expect(budget.limit == 0)
        for limit in [3, 2, 1, 1] {
            budget.connectionEnded(tooMany)
            #expect(budget.limit == limit)
        }
    }

    @Test func `one channel too many is no job's doing`() {
        let text = "NOT_ALLOWED - number of channels opened (3) has reached the negotiated channel_max (3)"
        #expect(Self.error(text).channelLimit == 3)
        #expect(!Self.error(text).canBeProvoked)
        #expect(Self.error("NOT_ALLOWED - number of channels opened ()").channelLimit == nil)
    }
}
