"""How many synthetic pictures a second one core paints, with every label: `python benchmarks/synthetic_scenes.py`.

Processor time, not the clock's, so that a busy machine blurs it less; the best and the middle of ten rounds.
"""

from time import process_time

import cv2

from fedhca.data.synthetic import Figures, Rooms
from fedhca.data.synthetic.scenes import Scenes

ROUNDS, PICTURES = 10, 30


def rates(scenes: Scenes) -> list[float]:
    """Return pictures a second of each round, sorted; every round paints the same pictures."""
    tasks, answer = list(scenes.tasks), []
    for _ in range(ROUNDS):
        start = process_time()
        for index in range(PICTURES):
            scenes.read(index, tasks)
        answer.append(PICTURES / (process_time() - start))
    return sorted(answer)


def main() -> None:
    """Print a table."""
    cv2.setNumThreads(1)
    print(f"{'scenes':<8} {'pixels':>9} {'best /s':>8} {'middle /s':>10}")
    for kind in (Rooms, Figures):
        for side in (64, 128, 256, 512):
            found = rates(kind(PICTURES, size=(side, side)))
            print(f"{kind.__name__:<8} {f'{side}x{side}':>9} {found[-1]:>8.0f} {found[ROUNDS // 2]:>10.0f}")


if __name__ == "__main__":
    main()
