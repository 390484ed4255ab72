"""A few digits and a short run: a bound on how much more the recipe for few images shows of the lost classes."""


def test_few_images_and_updates_show_all_classes_with_the_recipe_for_them(degan):
    degan("teacher --dataset digits --arch lenet --epochs 10 --patience 5 -o t.safetensors")
    enrich = "enrich --classifier t.safetensors --proxy digits:2,3,8 --steps 150 --width 8 --batch-size 64"
    paper = degan(f"{enrich} --recipe paper -o p.safetensors")
    few = degan(f"{enrich} -o f.safetensors")  # by the size of the run
    assert few["classes_seen"] == 10
    assert few["effective_classes"] > paper["effective_classes"] + 3
    assert few["confidence"] > paper["confidence"] + 0.2
