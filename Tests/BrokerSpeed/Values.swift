import AMQPBroker
import AMQPWire
import Glibc

// How many messages a second one core moves through the embedded broker, octets in and octets out: published on one
// connection, handed to a consumer on another, acked one by one. Then how long a thousand brokers take, and what memory
// is left of many messages. `swift run -c release BrokerSpeed [messages]`.

func octets(_ write: (inout WireBuffer) throws -> Void) rethrows -> [UInt8] {
    var buffer = WireBuffer()
    try write(&buffer)
    return buffer.withUnsafeBytes { [UInt8]($0) }
}

func method(_ method: some AMQPMethod, _ channel: UInt16) throws -> [UInt8] {
    try octets { try $0.appendMethodFrame(method, channel: channel, frameMax: 4096) }
}

func open(_ broker: inout EmbeddedBroker) throws -> ConnectionID {
    let id = broker.connect(now: 0)
    var sent = Frame.protocolHeader
    sent += try method(ConnectionStartOk(mechanism: "PLAIN", response: Array("\0guest\0guest".utf8)), 0)
    sent += try method(ConnectionTuneOk(channelMax: 2047, frameMax: 131_072, heartbeat: 0), 0)
    sent += try method(ConnectionOpen(virtualHost: "/"), 0)
    sent += try method(ChannelOpen(), 1)
    broker.receive(sent, from: id, now: 0)
    _ = broker.takeActions()
    return id
}

let total = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
let burst = 100
let message = try [UInt8](repeating: 7, count: 100).withUnsafeBytes { body in
    try octets {
        try $0.appendContentFrames(
            BasicPublish(routingKey: "jobs"),
            properties: BasicProperties(contentType: "application/octet-stream", deliveryMode: 2),
            body: body,
            channel: 1,
            frameMax: 131_072
        )
    }
}
let publishes = Array(repeating: message, count: burst).flatMap { $0 }

for confirms in [false, true] {
    var broker = EmbeddedBroker(now: 0)
    let (publisher, consumer) = (try open(&broker), try open(&broker))
    broker.receive(try method(QueueDeclare(queue: "jobs"), 1), from: publisher, now: 0)
    if confirms { broker.receive(try method(ConfirmSelect(), 1), from: publisher, now: 0) }
    broker.receive(try method(BasicQos(prefetchCount: 250), 1), from: consumer, now: 0)
    broker.receive(try method(BasicConsume(queue: "jobs", consumerTag: "c"), 1), from: consumer, now: 0)
    _ = broker.takeActions()
    let clock = ContinuousClock()
    var (tag, sent) = (UInt64(0), 0)
    let start = clock.now
    for round in 0..<total / burst {
        broker.receive(publishes, from: publisher, now: UInt64(round))
        let acks = octets { buffer in
            for _ in 0..<burst {
                tag += 1
                buffer.appendAck(channel: 1, deliveryTag: tag, multiple: false)
            }
        }
        broker.receive(acks, from: consumer, now: UInt64(round))
        for case .send(_, let octets) in broker.takeActions() { sent += octets.count }
    }
    let seconds = (clock.now - start) / .seconds(1)
    print("\(Int(Double(total) / seconds)) messages/s, confirms \(confirms), \(sent) octets out, \(broker.counts)")
}

/// Memory that the process has, in MiB.
func resident() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, 256, file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4096 >> 20 } ?? 0
}

do {
    let clock = ContinuousClock()
    let begin = clock.now
    for _ in 0..<1000 {
        var broker = EmbeddedBroker(now: 0)
        let client = try open(&broker)
        broker.receive(try method(QueueDeclare(queue: "jobs"), 1), from: client, now: 0)
        broker.receive(message, from: client, now: 0)
        broker.receive(try method(BasicGet(queue: "jobs", noAck: true), 1), from: client, now: 0)
        precondition(broker.counts.delivered == 1)
    }
    print("1000 brokers, each with a client, a queue and a message: \((clock.now - begin) / .milliseconds(1)) ms")

    var broker = EmbeddedBroker(now: 0)
    let client = try open(&broker)
    broker.receive(try method(QueueDeclare(queue: "jobs"), 1), from: client, now: 0)
    let before = resident()
    for round in 0..<5000 { broker.receive(publishes, from: client, now: UInt64(round)) }
    let full = resident()
    broker.receive(try method(QueuePurge(queue: "jobs"), 1), from: client, now: 5000)
    _ = broker.takeActions()
    print("memory: \(before) MiB, \(full) MiB with 500,000 messages, \(resident()) MiB when they are gone")
}
