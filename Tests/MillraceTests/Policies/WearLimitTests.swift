import Millrace
import Testing

@Suite struct WearLimitTests {
    private static func limit(
        type: QueueDefinition.QueueType?,
        _ deliveryLimit: Int? = nil,
        deadLetter: DeadLetter? = nil
    ) -> WearLimit? {
        let location = SourceLocation(file: "jobs.yaml", line: 1, column: 1)
        return WearLimit(
            QueueDefinition(
                name: "orders",
                type: type,
                deadLetter: deadLetter,
                deliveryLimit: deliveryLimit,
                location: location
            )
        )
    }

    @Test func `a quorum queue, or one whose type only the broker knows, may drop after twenty deliveries`() {
        #expect(Self.limit(type: .quorum)?.count == 10)
        #expect(Self.limit(type: nil)?.isWanted == false)
        #expect(WearLimit(nil)?.count == 10)
    }

    @Test func `a limit that the file asks for makes dead letters`() {
        #expect(Self.limit(type: .quorum, 3)?.count == 3)
        #expect(Self.limit(type: .quorum, 3)?.isWanted == true)
    }

    @Test func `a queue that drops nothing is left alone`() {
        #expect(Self.limit(type: .classic) == nil)
        #expect(Self.limit(type: .quorum, -1) == nil)
        #expect(
            Self.limit(
                type: .quorum,
                deadLetter: DeadLetter(
                    exchange: "",
                    routingKey: "dead",
                    location: SourceLocation(file: "jobs.yaml", line: 1, column: 1)
                )
            ) == nil
        )
    }
}
