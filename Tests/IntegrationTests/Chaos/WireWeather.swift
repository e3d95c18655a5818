import TestSupport

/// What a wire can be like for some seconds.
enum WireWeather: CaseIterable {
    case loss5, loss15, loss30, jitter, reordering, duplicates, corruption, slow, shortHole, longHole, shortPackets
    case resets, mixed

    /// - Returns: The faults, and for how long, in milliseconds.
    func faults(_ seed: inout Seed) -> (Wire.Faults, Int) {
        var faults = Wire.Faults()
        var time = 1500...4000
        switch self {
        case .loss5: faults.loss = 0.05
        case .loss15: faults.loss = 0.15
        case .loss30:
            faults.loss = 0.3
            time = 3000...7000
        case .jitter:
            faults.delay = 200
            faults.jitter = 150
        case .reordering:
            faults.delay = 5
            faults.jitter = 5
        case .duplicates: faults.duplication = 0.3
        case .corruption: faults.corruption = 0.05
        case .slow:
            faults.rate = 125_000
            time = 3000...6000
        case .shortHole:
            faults.isHole = true
            time = 500...2500
        case .longHole:  // longer than heartbeats wait
            faults.isHole = true
            time = 7000...12_000
        case .shortPackets:
            faults.largest = 700
            time = 2000...6000
        case .resets:
            faults.forgesResets = true
            time = 100...1000
        case .mixed:
            faults = Wire.Faults(loss: 0.1, duplication: 0.05, corruption: 0.01, delay: 50, jitter: 45, rate: 400_000)
            time = 3000...8000
        }
        return (faults, .random(in: time, using: &seed))
    }
}
