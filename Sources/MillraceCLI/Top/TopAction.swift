/// What `top` asks of the supervisor, or of itself.
enum TopAction: Equatable {
    case end
    case pause(String)
    case resume(String)
    /// So many threads.
    case scale(String, Int)
    case restart(String)
    /// Every job rests.
    case quiet
    /// The supervisor finishes, and ends.
    case drain

    /// The path of the request, part by part, and what stands behind it; nil if it is none.
    var request: (path: [String], query: [(name: String, value: String?)])? {
        switch self {
        case .end: nil
        case .pause(let job): (["api", "v1", "jobs", job, "pause"], [("reason", "top")])
        case .resume(let job): (["api", "v1", "jobs", job, "resume"], [])
        case .scale(let job, let threads): (["api", "v1", "jobs", job, "scale"], [("threads", "\(threads)")])
        case .restart(let job): (["api", "v1", "jobs", job, "restart"], [])
        case .quiet: (["api", "v1", "quiet"], [("reason", "top")])
        case .drain: (["api", "v1", "drain"], [])
        }
    }

    /// For the line that says what was done.
    var words: String {
        switch self {
        case .end: "end"
        case .pause(let job): "pause \(job)"
        case .resume(let job): "resume \(job)"
        case .scale(let job, let threads): "scale \(job) \(threads)"
        case .restart(let job): "restart \(job)"
        case .quiet: "quiet"
        case .drain: "drain"
        }
    }
}
