"""The batched policies against the policies themselves, and the simulated look around against that of slates."""

from collections.abc import Callable

import numpy as np
from batched import Batched, config_of, given
from looking import finalists, histories_of

from penchant.evaluation.simulation.recommender import SimulatedConfig, SimulatedRecommender
from penchant.evaluation.simulation.world import Catalogue, World
from penchant.exploration.dial import DialTurn, scale_of
from penchant.exploration.policies.catalogue import POLICIES
from penchant.interfaces import Arms, Turn
from penchant.pipeline.discovery_fitting import counts_of
from penchant.pipeline.exploring import Look, LookedAt, let_go, tried_on
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, DoubleArray

ROUNDS, SLATE, USERS = 30, 6, 10


def check(settings: dict, world_of: Callable[[], World]) -> None:
    """After some rounds, by its own choices: the same probabilities, place by place, given the draw."""
    for name, policy in settings["policies"].items():
        world = world_of()
        made = SimulatedRecommender(world.catalogue, SimulatedConfig.of(settings["recommender"]), slate=SLATE)
        ours = Batched(made, config_of(policy), rng=numpy_rng(1, name))
        events = played(world, ours)
        free = world.available(ROUNDS).copy()
        free[events.history_users, events.history_items] = False
        means, drawn = ours.ordered(), ours.draw()
        looked = ours.around.look(means, free, SLATE) if ours.around else None
        explorable, bonus = (looked.explorable, looked.bonus) if looked else (free, 0.0)
        for user in range(USERS):
            if ours.around:
                arms, turn = dialled(ours, events, user, means, drawn, free)
            else:
                arms = made.arms(user, free[user])
                turn = POLICIES.build(policy["kind"], given(policy)).begin(arms, SLATE, rng=numpy_rng(0))
            if policy["kind"] == "thompson_plackett_luce":
                turn.values = drawn[user, arms.items]
            open_N = np.ones(len(arms), dtype=np.bool_)
            for place in range(SLATE):
                open_UI = free.copy()
                open_UI[user, arms.items[~open_N]] = False
                found = ours.chances(means, drawn + bonus, open_UI, explorable)[user]
                told = np.zeros(len(found))
                told[arms.items] = turn.probabilities(open_N, np.zeros(len(open_N)))
                np.testing.assert_allclose(found, told, atol=1e-12, err_msg=f"{name}, user {user}, place {place}")
                chosen = int(found.argmax()) if place % 2 else int(np.flatnonzero(found)[-1])
                n = int(np.searchsorted(arms.items, chosen))
                open_N[n] = False
                turn.take(n)
        print(name, "agrees", flush=True)


def played(world: World, ours: Batched) -> Catalogue:
    """Some rounds, each told at once; then the past with what was taken in them."""
    past = world.catalogue
    users, items = [past.history_users], [past.history_items]
    had = np.zeros((past.n_users, past.n_items), dtype=np.bool_)
    had[users[0], items[0]] = True
    for now in range(ROUNDS):
        came = world.react(now, ours.slates(now, world.available(now) & ~had, SLATE).items).feedback
        rows, places = np.nonzero(came.engaged)
        users.append(came.users[rows])
        items.append(came.items[rows, places])
        had[users[-1], items[-1]] = True
        ours.hear(now, [came])
    return Catalogue(
        activations=past.activations,
        n_users=past.n_users,
        history_users=np.concatenate(users),
        history_items=np.concatenate(items),
    )


def dialled(
    ours: Batched, events: Catalogue, user: int, means: DoubleArray, drawn: DoubleArray, free: BoolArray
) -> tuple[Arms, Turn]:
    """A slate's own look around for one user: its interests, its candidates, its turn, given our draw."""
    made, around, settings = ours.recommender, ours.around, ours.config
    vocabulary, history = around.vocabulary, histories_of(events).take([user])
    led, main = (counts_of(history, table)[0] for table in (vocabulary.leading, vocabulary.mainly))
    barred = let_go(led, around.times[user], settings)
    halfway = tried_on(led, around.times[user], barred, settings)
    known = LookedAt(
        led=np.where(halfway, 0.0, led),
        main=np.where(halfway, 0.0, main),
        touched=counts_of(history, vocabulary.activations)[0] > 0,
        leaning=np.zeros(len(main)),
        barred=barred,
    )
    look = Look(
        share=float(settings.share),
        settings=settings,
        discovery=around.discovery,
        vocabulary=vocabulary,
        read_user=lambda: known,
        never=np.zeros(len(main), dtype=np.bool_),
        variances=made.concept_variances[user],
        prior=1.0,
        temperature=1.0,
        item_events=np.zeros(made.catalogue.n_items, dtype=np.int64),
        seed=0,
    )
    scores = made.scores()[user]
    tried = look.tried(scores, settings.interests)
    asked = look.items(tried.concepts, scores, free[user])
    best = np.flatnonzero(free[user])
    best = best[np.argsort(-means[user, best])]
    listed = np.zeros(len(scores), dtype=np.bool_)
    listed[np.concatenate([best[: finalists(SLATE)], *asked])] = True
    arms = made.arms(user, listed)
    explored = look.begin(arms, np.searchsorted(arms.items, best[:SLATE]), tried, SLATE)
    bonus = explored.turn.drawn - arms.draw(np.random.default_rng(look.seed))
    looked = around.look(means, free, SLATE)
    np.testing.assert_array_equal(np.flatnonzero(looked.explorable[user]), arms.items[explored.explorable])
    np.testing.assert_array_equal(looked.interests[user, arms.items], explored.concepts)
    values = drawn[user, arms.items] + bonus
    dial = settings.dial(look.share)
    return arms, DialTurn(
        dial, arms, explored.explorable, values, scale_of(values, explored.explorable, dial.temperature)
    )
