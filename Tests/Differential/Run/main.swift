import AMQPBroker
import Differential
import Glibc

// Plays scripts to the embedded broker and to the RabbitMQ at a port: `DifferentialRun PORT FIRST COUNT`. Each difference is
// printed when it is found, and what RabbitMQ did now so, now otherwise, with `~` before each line; the last line has the
// numbers. Exit status: 0 no difference, 1 some, 64 wrong usage, 69 no broker.

let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
guard numbers.count == 3, let port = UInt16(exactly: numbers[0]) else {
    print("DifferentialRun PORT FIRST COUNT")
    exit(64)
}
do {
    let player = try DifferentialPlayer(port: port)
    for seed in numbers[1]..<numbers[1] + numbers[2] {
        let known = player.tally
        try player.play(seed)
        for text in player.tally.differences.dropFirst(known.differences.count) { print("\(text)\n") }
        for text in player.tally.uneven.dropFirst(known.uneven.count) {
            for line in text.split(separator: "\n") { print("~ \(line)") }
        }
        fflush(nil)
        if player.tally.differences.count == 20 { break }
    }
    let tally = player.tally
    print(
        "differential: \(tally.scripts) scripts, \(tally.steps) steps, \(tally.differences.count) differences,"
            + " \(tally.uneven.count) uneven"
    )
    exit(tally.differences.isEmpty ? 0 : 1)
} catch {
    print("differential: \(error)")
    exit(69)
}
