import Foundation
import SimulatedWorld

/// What `ops/simulate` was asked for.
struct Arguments {
    struct Wrong: Error { let text: String }
    var first: UInt64 = 1
    var count: UInt64 = 1000
    var minutes: Double?
    var shrinks = false
    var mutant: Mutant?
    var replay: String?
    var keep: String?
    var isTwice = false
    /// Where what was found of all planted mistakes is kept; nil if they are not looked for.
    var mutants: String?
    /// 1: client machines; 2: the whole supervisor, on threads.
    var level = 1
    /// Says what the supervisor logs.
    var isLoud = false

    init(_ words: [String], environment: [String: String]) throws {
        var hasSeed = false
        if let seed = environment["MILLRACE_SIM_SEED"].flatMap(UInt64.init) {
            self.first = seed
            hasSeed = true
        }
        var hasCount = false
        var words = words[...]
        while let word = words.popFirst() {
            func value<Value>(_ read: (String) -> Value?) throws -> Value {
                guard let text = words.popFirst(), let value = read(text) else {
                    throw Wrong(text: "\(word) needs a value")
                }
                return value
            }
            switch word {
            case "--seed":
                self.first = try value { UInt64($0) }
                hasSeed = true
            case "--seeds":
                self.count = try value { UInt64($0).flatMap { $0 > 0 ? $0 : nil } }
                hasCount = true
            case "--minutes": self.minutes = try value { Double($0).flatMap { $0 > 0 ? $0 : nil } }
            case "--shrink": self.shrinks = true
            case "--mutant": self.mutant = try value { Mutant(rawValue: $0) }
            case "--replay": self.replay = try value { $0 }
            case "--level": self.level = try value { Int($0).flatMap { (1...2).contains($0) ? $0 : nil } }
            case "--loud": self.isLoud = true
            case "--twice": self.isTwice = true
            case "--mutants": self.mutants = try value { $0 }
            case "--keep": self.keep = try value { $0 }
            default: throw Wrong(text: "unknown argument '\(word)'")
            }
        }
        if hasSeed, !hasCount, self.minutes == nil { self.count = 1 }
        // A run by the clock begins where no other did.
        if self.minutes != nil, !hasSeed { self.first = UInt64.random(in: 1...UInt64(UInt32.max)) }
    }
}
