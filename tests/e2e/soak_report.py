"""Says whether a process that ran for long kept its size."""
import statistics

# What counts as growth from the second quarter of the time to the last one.
# Allocators and page caches settle within the first quarter.
RELATIVE = 0.05
ALLOWED = {"rss_mb": 4.0, "pss_mb": 4.0, "descriptors": 2, "threads": 2}
BARS = " .:-=+*#%@"
WIDTH = 60


def slope_per_hour(points):
    """Least-squares slope of (seconds, value) and its standard error."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if count < 3 or spread == 0:
        return 0.0, float("inf")
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    error = (rest / (count - 2) / spread) ** 0.5
    return 3600 * slope, 3600 * error


def quarter(points, number):
    start, end = points[0][0], points[-1][0]
    low = start + (end - start) * number / 4
    high = start + (end - start) * (number + 1) / 4
    return [y for x, y in points if low <= x <= high]


def growth(key, points):
    """A line if the value grew, else an empty string."""
    before = statistics.median(quarter(points, 1) or [points[0][1]])
    after = statistics.median(quarter(points, 3) or [points[-1][1]])
    if after - before <= max(ALLOWED[key], RELATIVE * before):
        return ""
    return f"{key} grew from {before:.1f} to {after:.1f}"


def curve(points):
    """One line of characters, darker is more, from least to most."""
    low = min(y for _, y in points)
    high = max(y for _, y in points)
    start, end = points[0][0], points[-1][0]
    cells = [[] for _ in range(WIDTH)]
    for x, y in points:
        at = (x - start) / (end - start) if end > start else 0
        cells[min(WIDTH - 1, int(at * WIDTH))].append(y)
    text, last = "", points[0][1]
    for cell in cells:
        last = statistics.mean(cell) if cell else last
        share = (last - low) / (high - low) if high > low else 0
        text += BARS[int(share * (len(BARS) - 1))]
    return text


def series(records, process, key):
    return [(record["seconds"], record["processes"][process][key])
            for record in records if process in record["processes"]]


def report(records):
    """(lines for a person, lines of what grew)."""
    lines, grew = [], []
    names = sorted({name for record in records
                    for name in record["processes"]})
    for name in names:
        for key in ALLOWED:
            points = series(records, name, key)
            if len(points) < 4:
                continue
            slope, error = slope_per_hour(
                [point for point in points
                 if point[0] >= (points[0][0] + points[-1][0]) / 2])
            values = [y for _, y in points]
            lines.append(
                f"{name:9s} {key:11s} min {min(values):7.1f} max "
                f"{max(values):7.1f} last {values[-1]:7.1f}; second half "
                f"{slope:+8.2f} +- {1.96 * error:.2f} per hour "
                f"|{curve(points)}|")
            found = growth(key, points)
            if found:
                grew.append(f"{name}: {found}")
    return lines, grew
