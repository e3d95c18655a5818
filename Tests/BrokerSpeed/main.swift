import Glibc

// How fast the embedded broker is, in the process, and what it needs: `swift run -c release BrokerSpeed [MESSAGES]`.
// Beside a RabbitMQ, over a socket, measures ops/broker-speed.
//
// `BrokerSpeed check` measures no time, so that it holds on any machine and in a debug build: a thousand brokers one
// after the other and a hundred at once do what they should and leave nothing behind, and memory is given back.

func fail(_ what: String) -> Never {
    print("BrokerSpeed: \(what)")
    exit(1)
}

func check() async throws {
    try await Servers.inTurn(10)  // what the first ones make for all, such as threads of Swift's
    let (threads, descriptors, resident) = (ProcessFacts.threads, ProcessFacts.descriptors, ProcessFacts.resident)
    try await Servers.inTurn(1000)
    try await Servers.atOnce(100)
    print("a thousand brokers one after the other, a hundred at once: each has handed its message out")
    let left = (ProcessFacts.threads - threads, ProcessFacts.descriptors - descriptors)
    guard left.0 <= 4, left.1 <= 0 else { fail("\(left.0) threads and \(left.1) descriptors are left of them") }
    let grown = ProcessFacts.resident - resident
    guard grown < 32 << 10 else { fail("\(grown) KiB are left of them") }

    let memory = try await Memory(messages: 200_000)
    print(
        "KiB with 200000 messages: \(memory.before) before, \(memory.full) with all, \(memory.consumed) when they are consumed, "
            + "\(memory.deleted) without the queue"
    )
    guard memory.full - memory.before < 200 << 10 else { fail("a message of 64 octets needs more than 1 KiB") }
    // Of what it needed for them.
    guard memory.consumed - memory.before < (memory.full - memory.before) / 4 else {
        fail("a quarter is not given back")
    }
}

func measure(_ total: Int) async throws {
    let starts = try await Servers.starts(100)
    print("from nothing to the greeting, ms: median \(starts[50]), most \(starts[99])")
    for (count, name) in [(1000, "one after the other"), (100, "at once")] {
        let start = ContinuousClock().now
        try await count == 1000 ? Servers.inTurn(count) : Servers.atOnce(count)
        let seconds = (ContinuousClock().now - start) / .seconds(1)
        print(
            "\(count) brokers \(name), each with a client and a message, s: \(seconds); \(ProcessFacts.resident >> 10) MiB"
        )
    }
    print("1000 brokers as values, ms: \(try Values.inTurn(1000))")
    for (octets, confirms) in [(64, false), (64, true), (4096, true)] {
        let rate = try Values.rate(total, octets: octets, confirms: confirms)
        print("\(octets) octets, confirms \(confirms), as a value: \(Int(rate)) messages/s")
    }
    let memory = try await Memory(messages: total)
    print(
        "MiB with \(total) messages: \(memory.before >> 10) before, \(memory.full >> 10) with all, \(memory.consumed >> 10) when they are "
            + "consumed, \(memory.deleted >> 10) without the queue"
    )
}

do {
    let argument = CommandLine.arguments.dropFirst().first
    if argument == "check" {
        try await check()
    } else {
        try await measure(argument.flatMap { Int($0) } ?? 1_000_000)
    }
} catch {
    fail("\(error)")
}
