"""Items that lost their tags get the concepts of those that the same users take."""

from dataclasses import replace

import numpy as np

from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from tests.pipeline.conftest import NOW, SETTINGS
from tests.worlds import genre_world


def test_an_item_without_tags_has_the_concept_that_its_readers_give_it(fitted):
    world = genre_world()
    tags = world.items.columns["tags"].copy()
    bare = np.array([3, 20, 41])
    tags[bare] = None
    told = replace(world, items=replace(world.items, columns={**world.items.columns, "tags": tags}))
    learned, _ = fitted
    settings = {**SETTINGS, "vocabulary": {"sources": ["attributes"], "columns": ["tags"]}}  # titles name the genre
    models = {
        completion: InterestModel(
            config=InterestModelConfig.of({**settings, "completion": {} if completion else None}), now=lambda: NOW
        ).fit(told, model=learned.model)
        for completion in (False, True)
    }
    for row in bare:
        name = world.items.columns["tags"][row][0]
        place = next(c for c, one in enumerate(models[True].fitted.vocabulary.concepts) if one.name == name)
        assert not models[False].fitted.vocabulary.activations[[row]].nnz
        vocabulary = models[True].fitted.vocabulary
        assert vocabulary.activations[row, place] > 0
        assert vocabulary.bears[row, place] == 0
    again = InterestModel(config=models[True].config, now=lambda: NOW).fit(told, model=learned.model)
    np.testing.assert_array_equal(
        again.fitted.vocabulary.activations.toarray(), models[True].fitted.vocabulary.activations.toarray()
    )
