/// In which order the messages of a queue go out.
enum MessageOrder: Sendable, Equatable {
    /// A classic queue: higher priorities first, up to this one; what comes back stands where it stood.
    case classic(highest: Int)
    /// A quorum queue that heeds no priorities; what comes back goes first, here and below.
    case quorum
    /// One that hands out two of a priority over 4 for each other one.
    case quorumTwoToOne
    /// One that hands out higher priorities first, of 32; what has none is 4.
    case quorumStrict

    var isQuorum: Bool {
        if case .classic = self { return false }
        return true
    }

    var levels: Int {
        switch self {
        case .classic(let highest): highest + 1
        case .quorum: 1
        case .quorumTwoToOne: 2
        case .quorumStrict: 32
        }
    }

    func level(of priority: UInt8?) -> Int {
        switch self {
        case .classic(let highest): Swift.min(Int(priority ?? 0), highest)
        case .quorum: 0
        case .quorumTwoToOne: (priority ?? 0) > 4 ? 1 : 0
        case .quorumStrict: Swift.min(Int(priority ?? 4), 31)
        }
    }
}
