"""Models of other people's kinds, as small as they come and saved as the real ones are."""

import os
from pathlib import Path

import torch

FAMILIES = (
    *("wav2vec2", "hubert", "wavlm", "data2vec", "unispeech_sat", "w2v_bert"),
    *("whisper", "ast", "clap"),
)
FRAME, HOP = 15_600, 15_360


def save_transformers(root: Path) -> dict[str, str]:
    """Tiny random models of each family, saved as real ones are."""
    import transformers

    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (8,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,
        "vocab_size": 10,
    }
    whisper = {
        "d_model": 16,
        "encoder_layers": 2,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "vocab_size": 60,
        "pad_token_id": 1,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "decoder_start_token_id": 4,
        "num_mel_bins": 80,
    }
    kinds = {
        "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model, sizes),
        "hubert": (transformers.HubertConfig, transformers.HubertModel, sizes),
        "wavlm": (transformers.WavLMConfig, transformers.WavLMModel, sizes),
        "whisper": (transformers.WhisperConfig, transformers.WhisperModel, whisper),
    }
    small = {key: sizes[key] for key in list(sizes)[:4]}
    clap = {
        "text_config": {**small, "vocab_size": 10, "num_hidden_layers": 1},
        "audio_config": {
            "depths": [1, 1],
            "num_attention_heads": [1, 1],
            "hidden_size": 16,
            "patch_embeds_hidden_size": 8,
        },
        "projection_dim": 8,
    }
    kinds |= {
        "data2vec": (transformers.Data2VecAudioConfig, transformers.Data2VecAudioModel, sizes),
        "unispeech_sat": (transformers.UniSpeechSatConfig, transformers.UniSpeechSatModel, sizes),
        "w2v_bert": (transformers.Wav2Vec2BertConfig, transformers.Wav2Vec2BertModel, small),
        "ast": (transformers.ASTConfig, transformers.ASTModel, small),
        "clap": (transformers.ClapConfig, transformers.ClapModel, clap),
    }
    extractors = {
        "whisper": transformers.WhisperFeatureExtractor,
        "w2v_bert": transformers.SeamlessM4TFeatureExtractor,
        "ast": transformers.ASTFeatureExtractor,
        "clap": lambda: transformers.ClapFeatureExtractor(truncation="rand_trunc"),
        "hubert": lambda: transformers.Wav2Vec2FeatureExtractor(do_normalize=False),
    }
    for name, (config, model, arguments) in kinds.items():
        torch.manual_seed(0)
        model(config(**arguments)).save_pretrained(root / name)
        features = extractors.get(name, transformers.Wav2Vec2FeatureExtractor)()
        features.save_pretrained(root / name)
    return {name: str(root / name) for name in FAMILIES}


def save_tensorflow(root: Path) -> dict[str, str]:
    """SavedModels with the inputs, outputs, names and dimensions of the published ones.

    VGGish cuts frames of 15,600 samples every 15,360 and needs a whole one; YAMNet pads and cuts
    every 7,680; TRILL takes keyword arguments, one waveform or a batch, and names its layers.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    def project(frames, width: int, seed: int):
        weights = tf.random.stateless_normal([64, width], seed=[seed, 0])
        power = tf.abs(tf.signal.stft(frames, 400, 160, 512))
        mel = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7_500.0)
        return tf.reduce_mean(tf.math.log(power @ mel + 0.01), axis=1) @ weights

    waveform = tf.TensorSpec([None], tf.float32)

    class VGGish(tf.Module):
        @tf.function(input_signature=[waveform])
        def __call__(self, waveform):
            return project(tf.signal.frame(waveform, FRAME, HOP), 128, 1)

    class YAMNet(tf.Module):
        @tf.function(input_signature=[waveform])
        def __call__(self, waveform):
            missing = tf.maximum(0, FRAME - tf.shape(waveform)[0])
            frames = tf.signal.frame(tf.pad(waveform, [[0, missing]]), FRAME, HOP // 2)
            log_mel = tf.math.log(tf.abs(tf.signal.stft(waveform, 400, 160, 512)) + 0.01)
            return tf.sigmoid(project(frames, 521, 2)), project(frames, 1024, 3), log_mel[:, :64]

    class TRILL(tf.Module):
        @tf.function
        def __call__(self, samples, sample_rate):
            frames = tf.signal.frame(samples, FRAME, 2_720, pad_end=True)
            if len(samples.shape) == 2:
                frames = tf.reshape(frames, [-1, FRAME])
            return {"embedding": project(frames, 512, 4), "layer19": project(frames, 12_288, 5)}

    trill = TRILL()
    for spec in (waveform, tf.TensorSpec([None, None], tf.float32)):
        trill.__call__.get_concrete_function(spec, tf.TensorSpec([], tf.int32))

    class FRILL(tf.Module):  # a batch of recordings, a vector each
        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
        def __call__(self, samples):
            return {"embedding": project(samples, 2048, 6)}

    class TRILLsson(tf.Module):  # the same, traced as Keras saves a layer with a training switch
        @tf.function
        def __call__(self, inputs, training=None, mask=None):
            return {"embedding": project(inputs, 1024, 7 if training else 6)}

    trillsson = TRILLsson()
    for training in (True, False):
        batch = tf.TensorSpec([None, None], tf.float32)
        trillsson.__call__.get_concrete_function(batch, training=training, mask=None)

    modules = {"vggish": VGGish(), "yamnet": YAMNet(), "trill": trill}
    modules |= {"frill": FRILL(), "trillsson": trillsson}
    for name, module in modules.items():
        tf.saved_model.save(module, str(root / name))
    return {name: str(root / name) for name in modules}
