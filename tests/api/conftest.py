from hypothesis import settings

# A model is built when it is first used, so that one example in many is slow on a busy machine.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
