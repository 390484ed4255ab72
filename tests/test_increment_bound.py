"""Five digits, then five more without the data of the first: a bound on what replay with DeGAN keeps."""

GAN = "--steps 200 --width 16 --batch-size 64 --lr 1e-3 --lambda-e 1 --lambda-d 10"


def test_replay_with_degan_beats_finetuning_by_twenty_points_on_all_classes(degan):
    degan("teacher --dataset digits:0-4 --arch lenet --epochs 15 --patience 5 -o t.safetensors")
    degan(f"enrich --classifier t.safetensors --proxy digits:5-9 {GAN} -o g.safetensors")
    new = "incremental --classifier t.safetensors --new-data digits:5-9 --test-data digits --epochs 20"
    finetuned = degan(f"{new} --strategy finetune -o f.safetensors")
    replayed = degan(f"{new} --samples g.safetensors -o r.safetensors")
    assert finetuned["accuracy_old"] < 0.05  # forgotten entirely: this is what there is to beat
    assert finetuned["accuracy_new"] > 0.85
    assert replayed["accuracy_all"] >= finetuned["accuracy_all"] + 0.20
    assert replayed["accuracy_old"] > 0.6
    assert replayed["accuracy_new"] > 0.6
