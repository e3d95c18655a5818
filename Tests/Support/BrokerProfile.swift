package import AMQPWire

/// What a broker does where brokers differ: a test asserts what its broker's profile says.
///
/// RabbitMQ 3.10 is the base, and ``changes`` says what came when, so that a version between two that were tried has
/// the behaviour of the one before it. Tests/CONFORMANCE.md has the same as a table, and a test compares the two.
package struct BrokerProfile: Sendable {
    package let product: String
    package let version: BrokerVersion

    package var isRabbitMQ: Bool { self.product == "RabbitMQ" }

    // What a value means is its raw value, which is also what the table says.

    package enum Tables: String, Sendable { case asSent = "in the order sent", sorted = "sorted by name" }
    package var tables = Tables.asSent

    package enum Reply: Sendable {
        case endsConnection(ReplyCode), endsChannel(ReplyCode)

        package var code: ReplyCode {
            switch self {
            case .endsConnection(let code), .endsChannel(let code): code
            }
        }
    }
    package var unknownExchangeType = Reply.endsConnection(.commandInvalid)
    package var straightCancelOk = Reply.endsConnection(.commandInvalid)
    package var overlongBody = Reply.endsConnection(.unexpectedFrame)

    package enum Scope: String, Sendable {
        case channel = "of the channel", consumer = "of each consumer, all the same"
    }
    package var sharedPrefetch = Scope.channel

    package var largestBody = 128 << 20
    package var leastFrameMax: UInt32 = 4096

    package enum Patience: String, Sendable {
        case channel = "406, the channel ends; every queue type"
        case consumer = "basic.cancel, unsettled messages go back; quorum queues alone"
    }
    package var consumerTimeout = Patience.channel

    package enum Argument: String, Sendable { case taken = "taken", refused = "refused, 406" }
    package var classicConsumerTimeout = Argument.taken

    package enum Check: String, Sendable { case refused = "refused, 406", accepted = "accepted and ignored" }
    package var oddQueueMode = Check.refused

    package enum Count: String, Sendable { case counted = "counted", uncounted = "not counted" }
    package var givenBack = Count.counted

    /// Of a quorum queue that says nothing.
    package var deliveryLimit: Int?

    package enum NegativeLimit: String, Sendable { case zero = "one delivery", unlimited = "no limit" }
    package var negativeLimit = NegativeLimit.zero

    package enum StreamTarget: String, Sendable { case dropped = "lost", written = "written" }
    package var deadLetterIntoStream = StreamTarget.dropped

    package enum CutSocket: String, Sendable {
        case silent = "a warning", logged = "a warning, and errors of its channels"
    }
    package var cutSocket = CutSocket.silent

    package enum Metadata: String, Sendable { case mnesia = "Mnesia", khepri = "Khepri" }
    package var metadata = Metadata.mnesia

    package enum SizeSetting: String, Sendable {
        case environment = "application environment", term = "persistent term"
    }
    package var sizeSetting = SizeSetting.environment

    package var channelModule = "rabbit_channel"

    package init(product: String = "RabbitMQ", version: BrokerVersion) {
        self.product = product
        self.version = version
        guard product == "RabbitMQ" else { return }
        for change in Self.changes where change.since <= version { change.make(&self) }
    }

    package static let changes: [(since: BrokerVersion, make: @Sendable (inout Self) -> Void)] = [
        (
            "4.0",
            {
                $0.tables = .sorted
                $0.unknownExchangeType = .endsChannel(.preconditionFailed)
                $0.largestBody = 16 << 20
                $0.deliveryLimit = 20
                $0.negativeLimit = .unlimited
                $0.deadLetterIntoStream = .written
                $0.cutSocket = .logged
                $0.sizeSetting = .term
                $0.channelModule = "rabbit_channel_common"
            }
        ),
        ("4.1", { $0.leastFrameMax = 8192 }),
        ("4.2", { $0.overlongBody = .endsConnection(.frameError) }),
        (
            "4.3",
            {
                $0.straightCancelOk = .endsConnection(.internalError)
                $0.sharedPrefetch = .consumer
                $0.consumerTimeout = .consumer
                $0.classicConsumerTimeout = .refused
                $0.oddQueueMode = .accepted
                $0.givenBack = .uncounted
                $0.metadata = .khepri
            }
        ),
    ]
}
