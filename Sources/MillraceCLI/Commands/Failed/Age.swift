import Glibc

/// How long ago something was, for people.
enum Age {
    static func text(since seconds: UInt64) -> String {
        let now = UInt64(clamping: time(nil))
        let age = now > seconds ? now - seconds : 0
        switch age {
        case ..<120: return "\(age) s ago"
        case ..<7200: return "\(age / 60) min ago"
        case ..<172_800: return "\(age / 3600) h ago"
        default: return "\(age / 86_400) d ago"
        }
    }
}
